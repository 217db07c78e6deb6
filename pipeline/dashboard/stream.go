package dashboard

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

const (
	// quiet is how long a stream says nothing before it says that it is there.
	quiet = 25 * time.Second
	// sendTime bounds one write to a browser: one that does not read is left.
	sendTime = 10 * time.Second
	// askAgain is how often it is asked whether a stream's reader still may read.
	askAgain = 5 * time.Minute
)

// rendering is a region of a page as it was made for one version of its pipeline, as
// an event. It is made once for all streams.
type rendering struct {
	version uint64
	event   []byte
}

// stream is the event stream of one browser.
type stream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	sent bool // since the last flush
}

// write sends bytes that are events already.
func (s *stream) write(events []byte) error {
	_ = s.rc.SetWriteDeadline(time.Now().Add(sendTime)) // not every writer has one
	s.sent = true
	_, err := s.w.Write(events)
	return err
}

func (s *stream) flush() error {
	if !s.sent {
		return nil
	}
	s.sent = false
	return s.rc.Flush()
}

// event is an event in the form of server-sent events.
func event(kind string, data any) []byte {
	var b bytes.Buffer
	b.WriteString("event: " + kind + "\ndata: ")
	text, err := json.Marshal(data) // on one line
	if err != nil {
		text = []byte("null")
	}
	b.Write(text)
	b.WriteString("\n\n")
	return b.Bytes()
}

// region is the data of an event that replaces a part of the page.
type region struct {
	ID   string `json:"id"`
	HTML string `json:"html"`
}

// serveStream sends what update writes, now and whenever the signal is raised, until
// the browser leaves, may no longer read, or the dashboard ends.
func (d *Dashboard) serveStream(w http.ResponseWriter, r *http.Request, may func() error, news *signal, update func(*stream) error) {
	if d.streams.Add(1) > int64(d.c.MaxStreams) {
		d.streams.Add(-1)
		w.Header().Set("Retry-After", "60")
		http.Error(w, "too many pages are open: this one does not update by itself", http.StatusServiceUnavailable)
		return
	}
	defer d.streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // proxies would keep events back
	s := &stream{w: w, rc: http.NewResponseController(w)}
	_ = s.rc.SetReadDeadline(time.Time{}) // the server's would end the stream
	if s.write(append([]byte("retry: 2000\n\n"), event("hello", build)...)) != nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), 24*time.Hour) // a connection is not for ever
	defer cancel()
	for asked := time.Now(); ; {
		if time.Since(asked) > askAgain {
			if may() != nil {
				return
			}
			asked = time.Now()
		}
		changed := news.next()
		if update(s) != nil || s.flush() != nil {
			return
		}
		if !d.pause(ctx, s, changed) {
			return
		}
	}
}

// pause waits for news, says now and then that the stream is there, and lets news
// gather. It returns false when the stream is to end.
func (d *Dashboard) pause(ctx context.Context, s *stream, changed <-chan struct{}) bool {
	timer := time.NewTimer(quiet)
	defer timer.Stop()
	select {
	case <-changed:
		rest(ctx, gather)
	case <-timer.C:
		if s.write([]byte(": still here\n\n")) != nil {
			return false
		}
	case <-ctx.Done():
	case <-d.base.Done():
	}
	return ctx.Err() == nil && d.base.Err() == nil
}
