package browsertest

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"
)

// wire is a browser's debugging protocol over a pipe: JSON, a zero byte after each
// message.
type wire struct {
	out     io.Writer
	session string

	mu      sync.Mutex
	next    int
	waiting map[int]chan reply
	errors  []string
}

// reply is a message of the browser.
type reply struct {
	ID     int             `json:"id"`
	Method string          `json:"method"`
	Params json.RawMessage `json:"params"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

func newWire(out io.Writer) *wire { return &wire{out: out, waiting: map[int]chan reply{}} }

// listen takes in what the browser says, until it is gone.
func (w *wire) listen(in *bufio.Reader) {
	for {
		text, err := in.ReadBytes(0)
		if err != nil {
			return
		}
		var r reply
		if json.Unmarshal(text[:len(text)-1], &r) != nil {
			continue
		}
		w.mu.Lock()
		if r.Method == "Log.entryAdded" || r.Method == "Runtime.exceptionThrown" {
			w.errors = append(w.errors, string(r.Params))
		}
		waiting := w.waiting[r.ID]
		delete(w.waiting, r.ID)
		w.mu.Unlock()
		if waiting != nil {
			waiting <- r
		}
	}
}

// ask calls a method and reads its result into result, if that is not nil.
func (w *wire) ask(method string, params map[string]any, result any) error {
	answer := make(chan reply, 1)
	w.mu.Lock()
	w.next++
	message := map[string]any{"id": w.next, "method": method, "params": params}
	w.waiting[w.next] = answer
	if w.session != "" {
		message["sessionId"] = w.session
	}
	text, err := json.Marshal(message)
	if err == nil {
		_, err = w.out.Write(append(text, 0))
	}
	w.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case r := <-answer:
		switch {
		case r.Error != nil:
			return errors.New(r.Error.Message)
		case result != nil:
			return json.Unmarshal(r.Result, result)
		}
		return nil
	case <-time.After(patience):
		return errors.New("the browser does not answer")
	}
}
