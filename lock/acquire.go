package lock

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// Acquire waits until the lease under key is granted, or ctx ends. A free lease
// costs one Load and one Swap. A lease that was released is seen after a second at
// most; one whose holder fell silent is taken over when this process, by its own
// clock, has seen the document unchanged for six fifths of the duration that the
// document names.
//
// It returns an error at once when the first Load fails, when the document is
// damaged (ErrDamaged: it is left as it is), or when options or key are wrong.
// Later errors of the store it bears for as long as the lease lasts, so that a
// standby survives a hiccup. Once it has returned an error, no grant is left behind
// but one that runs out by itself.
func Acquire(ctx context.Context, s Store, key string, o Options) (*Lease, error) {
	return acquire(ctx, s, key, o, machine)
}

func acquire(ctx context.Context, s Store, key string, o Options, c clock) (*Lease, error) {
	o = o.filled()
	if err := errors.Join(ValidKey(key), o.validate()); err != nil {
		return nil, fmt.Errorf("acquire lease: %w", err)
	}
	w := &waiter{requests: requests{s, key, o.Duration / 3}, options: o, clock: c}
	l, err := w.wait(ctx)
	if err != nil {
		w.abandon(ctx)
		return nil, fmt.Errorf("acquire lease %s: %w", key, err)
	}
	return l, nil
}

// waiter is one call of Acquire.
type waiter struct {
	requests
	options Options
	clock   clock

	version  Version   // of the document as last seen
	seen     time.Time // when that version was first seen, after the Load's answer
	answered time.Time // when the store last answered; zero: not yet
	told     string    // nonce of the grant that Waiting was last told about
	attempt  *attempt  // a grant that may have been written, nil if there is none
}

// attempt is a grant that was asked for without a certain answer.
type attempt struct {
	nonce string
	base  Version // it lands only on this version
	sent  moment  // before the first request for it
}

// wait tries until the lease is granted, ctx ends or the store seems to be gone.
func (w *waiter) wait(ctx context.Context) (*Lease, error) {
	for {
		l, pause, err := w.try(ctx)
		switch {
		case l != nil:
			return l, nil
		case ctx.Err() != nil:
			return nil, context.Cause(ctx)
		case err != nil && w.hopeless(err):
			return nil, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
	}
}

// hopeless reports whether to give up after err.
func (w *waiter) hopeless(err error) bool {
	if w.answered.IsZero() || errors.Is(err, ErrDamaged) {
		return true
	}
	return time.Since(w.answered) > w.options.Duration
}

// try looks at the lease once, and takes it if it may. Otherwise it returns after
// which pause to look again.
func (w *waiter) try(ctx context.Context) (*Lease, time.Duration, error) {
	soon := jitter(w.options.Duration / 30)
	g, err := w.look(ctx)
	if err != nil {
		return nil, soon, err
	}
	if w.attempt != nil && w.attempt.nonce == g.Nonce {
		if w.clock().since(w.attempt.sent) < w.options.Duration/3 {
			return newLease(w, g, w.version, w.attempt.sent), 0, nil
		}
		// Written, but too long ago to begin with: nobody acted on it, take it again.
	} else if left := w.left(g); left > 0 {
		w.tell(g)
		return nil, min(left, jitter(min(time.Second, g.Duration/10))), nil
	}
	l, err := w.take(ctx, g)
	return l, soon, err
}

// look loads the document and notes its version. The zero Grant is absence.
func (w *waiter) look(ctx context.Context) (Grant, error) {
	g, v, err := w.load(ctx)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return Grant{}, err
	}
	now := time.Now()
	if v != w.version || w.answered.IsZero() {
		w.version, w.seen = v, now
	}
	w.answered = now
	if a := w.attempt; a != nil && a.base != v && a.nonce != g.Nonce {
		w.attempt = nil // It can no longer land.
	}
	return g, nil
}

// left returns for how long the grant has to be watched before it may be taken.
func (w *waiter) left(g Grant) time.Duration {
	if w.version == "" || g.Released {
		return 0
	}
	return g.expiry() - time.Since(w.seen)
}

// tell reports the grant that is waited for, once.
func (w *waiter) tell(g Grant) {
	if w.told != g.Nonce {
		w.told = g.Nonce
		w.options.Waiting(g)
	}
}

// take asks for the grant that follows g. It returns no lease and no error if
// somebody else was faster, or may have been.
func (w *waiter) take(ctx context.Context, g Grant) (*Lease, error) {
	sent := w.clock()
	if w.attempt == nil || w.attempt.base != w.version {
		w.attempt = &attempt{nonce: rand.Text(), base: w.version, sent: sent}
	}
	next := Grant{
		Epoch:    g.Epoch + 1,
		Nonce:    w.attempt.nonce,
		Holder:   w.options.Holder,
		Since:    sent.wall.UTC(),
		Duration: w.options.Duration,
	}
	if w.version != "" && !g.Released {
		next.TakenFrom = g.Holder
	}
	v, err := w.swap(ctx, w.version, next)
	if errors.Is(err, ErrConflict) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return newLease(w, next, v, sent), nil
}

// abandon gives back a grant that may have been written without our knowing, so
// that nobody has to wait until it expires. It tries once, after the caller's
// context has ended too, with two requests of bounded length.
func (w *waiter) abandon(ctx context.Context) {
	if w.attempt == nil {
		return
	}
	ctx = context.WithoutCancel(ctx)
	g, v, err := w.load(ctx)
	if err != nil || g.Nonce != w.attempt.nonce || g.Released {
		return
	}
	g.Released = true
	// Nobody is left to be told of an error; the grant runs out by itself.
	_, _ = w.swap(ctx, v, g)
}
