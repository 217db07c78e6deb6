package build

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/muster-deploy/muster/build/internal/tail"
)

// tailSize is how much of the end of an output an error holds, in bytes.
const tailSize = 8 << 10

// maxLine is the longest line that is held back for its end, in bytes.
const maxLine = 64 << 10

// output takes what a command writes: to the log, line by line and up to a limit,
// and the end of it to memory. Both are redacted.
type output struct {
	news chan struct{} // one element after some output
	done chan struct{} // closed when all pipes have ended

	reads  []*os.File
	writes []*os.File
	wait   sync.WaitGroup

	mu   sync.Mutex
	log  *cappedLog
	tail *tail.Buffer
}

// startOutput gives cmd its pipes.
func startOutput(cmd *exec.Cmd, c Command, log io.Writer, limit int64) (*output, error) {
	o := &output{
		news: make(chan struct{}, 1), done: make(chan struct{}),
		log: &cappedLog{to: log, left: limit, limit: limit}, tail: tail.New(tailSize),
	}
	pipe, err := o.pipe(c, &lineWriter{to: o})
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = pipe, pipe
	if c.Stdout != nil {
		if cmd.Stdout, err = o.pipe(c, c.Stdout); err != nil {
			o.close()
			return nil, err
		}
	}
	return o, nil
}

// pipe returns the end that the command writes to; what it reads is redacted and
// handed to w.
func (o *output) pipe(c Command, w io.Writer) (*os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	o.reads, o.writes = append(o.reads, read), append(o.writes, write)
	redacted := NewRedactor(w, c.Secrets)
	o.wait.Go(func() { o.copy(redacted, w, read) })
	return write, nil
}

// copy reads until all who write have closed the pipe, or it is given up. An error
// of w does not stop it: the command would hang on a full pipe.
func (o *output) copy(redacted *Redactor, w io.Writer, read *os.File) {
	buf := make([]byte, 32<<10)
	for {
		n, err := read.Read(buf)
		if n > 0 {
			redacted.Write(buf[:n])
			select {
			case o.news <- struct{}{}:
			default:
			}
		}
		if err != nil {
			break
		}
	}
	redacted.Flush()
	if lines, ok := w.(*lineWriter); ok {
		lines.flush()
	}
}

// started closes this process's copies of what the command writes to.
func (o *output) started() {
	o.closeWrites()
	go func() { o.wait.Wait(); close(o.done) }()
}

func (o *output) closeWrites() {
	for _, f := range o.writes {
		f.Close()
	}
	o.writes = nil
}

// finish stops reading, also where a process that nobody finds holds a pipe open.
func (o *output) finish(left int) {
	for _, f := range o.reads {
		f.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	}
	o.wait.Wait()
	if left > 0 {
		o.line(fmt.Appendf(nil, "%d processes that the command left running were killed\n", left))
	}
}

// close gives back the pipes.
func (o *output) close() {
	o.closeWrites()
	for _, f := range o.reads {
		f.Close()
	}
	o.wait.Wait()
}

// end returns the end of the output.
func (o *output) end() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tail.String()
}

// line takes one line or a part of a very long one.
func (o *output) line(p []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.tail.Write(p)
	o.log.Write(p)
}

// lineWriter hands on whole lines.
type lineWriter struct {
	to   *output
	held []byte
}

func (l *lineWriter) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.LastIndexByte(p, '\n') + 1
		if end == 0 {
			l.held = append(l.held, p...)
			if len(l.held) > maxLine {
				l.flush()
			}
			break
		}
		l.held = append(l.held, p[:end]...)
		l.to.line(l.held)
		l.held, p = l.held[:0], p[end:]
	}
	return n, nil
}

// flush hands on a line without an end.
func (l *lineWriter) flush() {
	if len(l.held) > 0 {
		l.to.line(l.held)
		l.held = l.held[:0]
	}
}

// cappedLog writes up to a limit, then one sentence, then nothing.
type cappedLog struct {
	to          io.Writer
	left, limit int64
}

// Write never fails: a log that cannot be written is no reason to fail a build.
func (c *cappedLog) Write(p []byte) (int, error) {
	switch {
	case c.to == nil || c.left < 0:
	case int64(len(p)) <= c.left:
		c.left -= int64(len(p))
		c.to.Write(p)
	default:
		c.to.Write(p[:c.left])
		c.left = -1
		fmt.Fprintf(c.to, "\n(the rest is not logged: the command wrote more than %d bytes)\n", c.limit)
	}
	return len(p), nil
}
