package sshhost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/muster-deploy/muster/target/host"
)

// greeting is the first line of the output, before what the script writes: it names
// the process group, for the case that it has to be killed.
const greeting = "muster-ssh "

// command is what the host's login shell is given: one word for sh, whatever the
// script and its arguments hold.
func command(c host.Call) string {
	return "exec sh -c " + host.Quote("printf '"+greeting+"%s\\n' \"$$\"\n"+c.Text())
}

// session is one script under way.
type session struct {
	ssh.Channel
	requests <-chan *ssh.Request
	call     host.Call
	greeted  chan struct{} // closed when group is set
	ended    chan struct{} // closed when status and err are set

	group string // the script's process group

	mu     sync.Mutex
	status int   // -1: the host has not said
	err    error // why the output was not taken
}

func newSession(channel ssh.Channel, requests <-chan *ssh.Request, c host.Call) *session {
	return &session{
		Channel: channel, requests: requests, call: c,
		greeted: make(chan struct{}), ended: make(chan struct{}), status: -1,
	}
}

// start has the command run, and all that goes in and out passed on.
func (s *session) start(command string) error {
	exited := make(chan struct{})
	go s.listen(exited)
	ok, err := s.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{command}))
	if err == nil && !ok {
		err = errors.New("the host does not run commands for this user")
	}
	if err != nil {
		return fmt.Errorf("start script: %w", err)
	}
	go s.feed()
	go s.finish(exited)
	return nil
}

// listen takes the exit status, and says when the script has exited.
func (s *session) listen(exited chan<- struct{}) {
	var once sync.Once
	defer once.Do(func() { close(exited) })
	for r := range s.requests {
		switch r.Type {
		case "exit-status":
			var status struct{ Code uint32 }
			if ssh.Unmarshal(r.Payload, &status) == nil {
				s.set(func() { s.status = int(status.Code) })
			}
			once.Do(func() { close(exited) })
		case "exit-signal":
			s.set(func() { s.status = 128 })
			once.Do(func() { close(exited) })
		}
		if r.WantReply {
			_ = r.Reply(false, nil)
		}
	}
}

// feed sends the input. It may go on waiting for it after the script has ended.
func (s *session) feed() {
	if s.call.Stdin != nil {
		_, _ = io.Copy(s, s.call.Stdin) // a script may leave some of it unread
	}
	_ = s.CloseWrite()
}

// outputDelay is how long output may come after the script has exited: what it left
// running may hold it open for ever.
const outputDelay = 5 * time.Second

// finish waits for the outputs and the script.
func (s *session) finish(exited <-chan struct{}) {
	read := make(chan struct{})
	go func() {
		defer close(read)
		var both sync.WaitGroup
		both.Go(func() { s.take(&greeter{s: s, to: or0(s.call.Stdout)}, s) })
		both.Go(func() { s.take(or0(s.call.Stderr), s.Stderr()) })
		both.Wait()
	}()
	<-exited
	select {
	case <-read:
	case <-time.After(outputDelay):
	}
	s.Close()
	<-read
	close(s.ended)
}

func or0(w io.Writer) io.Writer {
	if w == nil {
		return io.Discard
	}
	return w
}

// take passes on one output, up to what it may be.
func (s *session) take(to io.Writer, from io.Reader) {
	n, err := io.Copy(to, io.LimitReader(from, MaxOutput))
	if err == nil && n == MaxOutput {
		err = fmt.Errorf("the script has written more than %d bytes", MaxOutput)
	}
	if err != nil {
		s.set(func() { s.err = errors.Join(s.err, err) })
		s.Close()
	}
}

func (s *session) set(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
}

// result says what the session came to.
func (s *session) result() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.err != nil:
		return s.err
	case s.status < 0:
		return errors.New("the connection was lost before the script had ended")
	case s.status > 0:
		return fmt.Errorf("the script ended with %d", s.status)
	}
	return nil
}

// greeter keeps the greeting and passes on the rest.
type greeter struct {
	s    *session
	to   io.Writer
	line []byte
	done bool
}

// Write implements io.Writer.
func (g *greeter) Write(p []byte) (int, error) {
	if g.done {
		return g.to.Write(p)
	}
	g.line = append(g.line, p...)
	line, rest, ok := bytes.Cut(g.line, []byte("\n"))
	if !ok && len(g.line) < 4096 {
		return len(p), nil
	}
	g.done = true
	group, ok := strings.CutPrefix(string(line), greeting)
	if _, err := strconv.ParseUint(group, 10, 31); !ok || err != nil {
		return 0, fmt.Errorf("the host's shell writes %.60q before any script: it has to be silent, and of the family of sh", line)
	}
	g.s.group = group
	close(g.s.greeted)
	if _, err := g.to.Write(rest); err != nil {
		return 0, err
	}
	return len(p), nil
}

// kill ends the script and its group by a session of its own, and waits for that. A
// script that has only just begun is waited for: it has to say what is to be killed.
func (t *Transport) kill(conn *connection, s *session) {
	ctx, cancel := context.WithTimeout(context.Background(), t.c.KillLimit)
	defer cancel()
	defer s.Close()
	select {
	case <-s.greeted:
	case <-s.ended:
		return
	case <-ctx.Done():
		return
	}
	go killGroup(ctx, conn, s.group)
	select {
	case <-s.ended:
	case <-ctx.Done():
	}
}

// killGroup ends with its context, or with the connection.
func killGroup(ctx context.Context, conn *connection, group string) {
	killer, err := conn.NewSession()
	if err != nil {
		return
	}
	stop := context.AfterFunc(ctx, func() { killer.Close() })
	defer stop()
	defer killer.Close()
	_ = killer.Run("kill -KILL -" + group + " 2>/dev/null || kill -KILL " + group)
}
