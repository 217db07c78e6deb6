package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/muster-deploy/muster/build"
)

// maxPiece bounds what a log gathers between two steps, in bytes; the end is kept.
const maxPiece = 4 << 20

// deployLog gathers what is said of one deploy between two steps. Each step stores
// what was gathered as a piece and counts it in the record, so that the log of an
// open deploy can be read elsewhere and outlives the deployer.
type deployLog struct {
	deploy string

	mu  sync.Mutex
	buf []byte
	cut bool
}

// Write implements io.Writer.
func (l *deployLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, p...)
	if over := len(l.buf) - maxPiece; over > 0 {
		l.buf = append(l.buf[:0], l.buf[over:]...)
		l.cut = true
	}
	return len(p), nil
}

// say writes a line with the time.
func (l *deployLog) say(format string, args ...any) {
	fmt.Fprintf(l, "%s %s\n", time.Now().UTC().Format("15:04:05"), fmt.Sprintf(format, args...))
}

// take returns what was gathered, and gathers anew.
func (l *deployLog) take() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	piece := l.buf
	if l.cut {
		piece = append([]byte("[the beginning of this part was too long and is left out]\n"), piece...)
	}
	l.buf, l.cut = nil, false
	return piece
}

// putBack puts a piece that was not counted before what was gathered since.
func (l *deployLog) putBack(piece []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(piece, l.buf...)
}

// Log implements Pipeline.
func (d desk) Log(ctx context.Context, deploy string) (io.ReadCloser, error) {
	if d.logs == nil {
		return nil, errors.New("open log: this pipeline was opened without a store of logs")
	}
	r, _, err := d.load(ctx)
	if err != nil {
		return nil, err
	}
	if r.Open != nil && r.Open.ID == deploy {
		return d.readLog(ctx, deploy, r.Open.Logged), nil
	}
	for e, err := range d.Deploys(ctx, "") {
		if err != nil {
			return nil, err
		}
		if e.ID == deploy {
			return d.readLog(ctx, deploy, e.Logged), nil
		}
	}
	return nil, fmt.Errorf("open log of %q: %w", deploy, ErrNoDeploy)
}

// readLog reads the pieces of a log one after the other.
func (d desk) readLog(ctx context.Context, deploy string, pieces int) io.ReadCloser {
	pr, pw := io.Pipe()
	go func() {
		for n := range pieces {
			err := d.copyPiece(ctx, pw, deploy, n)
			if errors.Is(err, build.ErrNotFound) {
				_, err = fmt.Fprintln(pw, "[a part of the log is missing]")
			}
			if err != nil {
				pw.CloseWithError(err)
				return
			}
		}
		pw.Close()
	}()
	return pr
}

func (d desk) copyPiece(ctx context.Context, w io.Writer, deploy string, n int) error {
	piece, err := d.logs.Get(ctx, keys(d.name).log(deploy, n))
	if err != nil {
		return fmt.Errorf("open log of %q: %w", deploy, err)
	}
	defer piece.Close()
	_, err = io.Copy(w, piece)
	return err
}

// putPiece stores a piece of a log.
func (d desk) putPiece(ctx context.Context, deploy string, n int, piece []byte) error {
	return d.logs.Put(ctx, keys(d.name).log(deploy, n), bytes.NewReader(piece))
}
