package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"
)

// flight is one build under way and those who wait for it.
type flight struct {
	log    *audience
	began  time.Time
	cancel context.CancelCauseFunc
	askers int  // guarded by the workshop's mutex
	leaves bool // cancelled: nobody may join any more
	done   chan struct{}

	// Set before done is closed.
	artifact *Artifact
	err      error
}

// errDeserted is why a build is cancelled.
var errDeserted = errors.New("nobody waits for the build any more")

// join waits for the flight of a revision, which it starts if there is none.
func (w *Workshop) join(ctx context.Context, revision string, log io.Writer) (*Artifact, error) {
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		f, place := w.board(revision, log)
		if place == nil {
			// It is on its way down. Another one can start when it has landed.
			if err := await(ctx, f.done); err != nil {
				return nil, err
			}
			continue
		}
		err := await(ctx, f.done)
		if last := w.leave(f); last && err != nil {
			err = errors.Join(err, w.land(f))
		}
		f.log.remove(place)
		if err == nil {
			return f.artifact, f.err
		}
		return nil, err
	}
}

// await waits for done as long as ctx lasts.
func await(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// board returns the flight of a revision, and the caller's place on it; none where
// it has been cancelled.
func (w *Workshop) board(revision string, log io.Writer) (*flight, *seat) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f := w.flights[revision]
	if f != nil && f.leaves {
		return f, nil
	}
	if f != nil {
		fmt.Fprintf(log, "the build of %.12s is under way since %v; its output from here on:\n",
			revision, time.Since(f.began).Round(time.Second))
		f.askers++
		return f, f.log.add(log)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	f = &flight{log: &audience{}, began: time.Now(), cancel: cancel, askers: 1, done: make(chan struct{})}
	place := f.log.add(log)
	w.flights[revision] = f
	go w.fly(ctx, revision, f)
	return f, place
}

// leave takes an asker off, and cancels the flight when it was the last.
func (w *Workshop) leave(f *flight) (last bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f.askers--
	if f.askers > 0 {
		return false
	}
	f.leaves = true
	f.cancel(errDeserted)
	return true
}

// land waits until a cancelled flight has ended.
func (w *Workshop) land(f *flight) error {
	select {
	case <-f.done:
		return nil
	case <-time.After(w.config.StopWait):
		return fmt.Errorf("the builder was cancelled and has not returned within %v: it goes on in the background", w.config.StopWait)
	}
}

// fly builds, and tells those who wait.
func (w *Workshop) fly(ctx context.Context, revision string, f *flight) {
	defer f.cancel(nil)
	timed, stop := context.WithTimeoutCause(ctx, w.config.Timeout, fmt.Errorf("it took longer than %v", w.config.Timeout))
	defer stop()
	f.artifact, f.err = w.safely(timed, revision, f.log)
	w.mu.Lock()
	delete(w.flights, revision)
	w.mu.Unlock()
	close(f.done)
}

// safely turns a panic of a builder into an error: it must not take the deployer,
// and other pipelines, with it.
func (w *Workshop) safely(ctx context.Context, revision string, log io.Writer) (a *Artifact, err error) {
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintf(log, "panic: %v\n%s\n", p, debug.Stack())
			err = fmt.Errorf("the builder panicked: %v", p)
		}
	}()
	return w.obtain(ctx, revision, log)
}
