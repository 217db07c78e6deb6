package lock

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// ErrLost is the cause with which a lease's context ends when the lease is, or is
// about to be, no longer its holder's. The cause wraps it and says more: ask with
// errors.Is(context.Cause(ctx), lock.ErrLost).
var ErrLost = errors.New("lock: lease lost")

// Lease is one grant of the right to act. Its methods may be called concurrently.
//
// It renews itself until Close. Its holder counts from before the last request that
// succeeded was sent, everybody else from after they have seen its effect, and a
// margin of a fifth of the duration longer: whatever the network does in between,
// the holder's context has ended by then. What the margin cannot cover, a process
// that sleeps through it in the middle of a write, is what the epoch is for.
type Lease struct {
	requests requests
	duration time.Duration
	clock    clock

	ctx    context.Context
	cancel context.CancelCauseFunc

	mu        sync.Mutex
	confirmed moment      // before the request was sent that last confirmed the grant
	trouble   error       // why the renewals since then have not succeeded
	watch     *time.Timer // ends the context; no input or output can delay it

	// What follows belongs to the renewing goroutine until it closes kept, and then
	// to whoever has put a token into closing.
	kept    chan struct{}
	closing chan struct{}
	grant   Grant
	version Version
	unsure  *moment // before the first renewal without an answer was sent; nil: none
	gone    bool    // released, or somebody else's
}

// newLease is the lease of a grant that was asked for at the moment sent.
func newLease(w *waiter, g Grant, v Version, sent moment) *Lease {
	l := &Lease{
		requests: w.requests, duration: g.Duration, clock: w.clock,
		confirmed: sent, grant: g, version: v,
		kept: make(chan struct{}), closing: make(chan struct{}, 1),
	}
	l.ctx, l.cancel = context.WithCancelCause(context.Background())
	l.mu.Lock()
	l.watch = time.AfterFunc(0, l.check)
	l.mu.Unlock()
	go l.keep()
	return l
}

// Epoch is the number of the grant; it grows with every grant of the key.
func (l *Lease) Epoch() uint64 { return l.grant.Epoch }

// Context ends, with cause ErrLost, a margin before anybody else may be granted
// the lease. It carries no values and does not end with Acquire's context: it
// ends with Close.
func (l *Lease) Context() context.Context { return l.ctx }

// check ends the context when the grant was not confirmed for its duration, by
// either clock, and else comes back in time. It comes often enough to notice soon
// that the machine was suspended, when the timer slept too.
func (l *Lease) check() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() != nil {
		return
	}
	left := l.duration - l.clock().since(l.confirmed)
	if left <= 0 {
		l.lose(fmt.Sprintf("not renewed for %s", l.duration), l.trouble)
		return
	}
	l.watch.Reset(min(left, l.duration/10))
}

// lose ends the context because the lease is lost: what happened, and the error
// behind it or nil.
func (l *Lease) lose(what string, err error) {
	if err != nil {
		l.cancel(fmt.Errorf("%w: %s: %w", ErrLost, what, err))
		return
	}
	l.cancel(fmt.Errorf("%w: %s", ErrLost, what))
}

// Close ends the context and releases the lease: the next waiter gets it at once.
// Nothing may be done under the lease any more when Close is called. The document
// stays, marked as released.
//
// It may be called again: after success it does nothing, after an error it tries
// once more. A lease that was never released expires. A lease that was lost to
// somebody else is left alone, and that is no error.
func (l *Lease) Close(ctx context.Context) error {
	l.cancel(context.Canceled)
	l.mu.Lock()
	l.watch.Stop()
	l.mu.Unlock()
	if err := l.closeOnce(ctx); err != nil {
		return fmt.Errorf("release lease %s: %w", l.requests.key, err)
	}
	return nil
}

// closeOnce waits for the renewing goroutine and for other calls of Close to end,
// and then releases.
func (l *Lease) closeOnce(ctx context.Context) error {
	select {
	case <-l.kept:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	select {
	case l.closing <- struct{}{}:
		defer func() { <-l.closing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if ctx.Err() != nil { // a select between two that are ready takes either
		return context.Cause(ctx)
	}
	return l.release(ctx)
}

// release leaves a tombstone, and finds out by the nonce what became of it when the
// answer is no plain yes.
func (l *Lease) release(ctx context.Context) error {
	var errs []error
	for range 3 {
		if l.gone {
			return nil
		}
		tombstone := l.grant
		tombstone.Released = true
		_, err := l.requests.swap(ctx, l.version, tombstone)
		if err == nil {
			l.gone = true
			return nil
		}
		errs = append(errs, err)
		g, v, err := l.requests.load(ctx)
		switch {
		case errors.Is(err, ErrNotFound):
			l.gone = true
		case err != nil:
			return errors.Join(append(errs, err)...)
		default:
			l.grant.Renewed, l.version = g.Renewed, v
			l.gone = g.Released || g.Nonce != l.grant.Nonce
		}
	}
	if l.gone {
		return nil
	}
	return errors.Join(errs...)
}
