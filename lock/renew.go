package lock

import (
	"errors"
	"fmt"
	"time"
)

// keep renews the lease until its context ends. It is the only one that does input
// or output while the lease is held, and it never holds the mutex meanwhile.
func (l *Lease) keep() {
	defer close(l.kept)
	for sleep(l.ctx, l.untilRenewal()) == nil {
		if err := l.renew(); err != nil {
			l.note(err)
		}
	}
}

// untilRenewal returns how long to wait before the next renewal: a third of the
// duration after the last, or a moment when that is overdue.
func (l *Lease) untilRenewal() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return max(l.duration/3-l.clock().since(l.confirmed), jitter(l.duration/30))
}

// renew writes the document again: one round trip. After an error it reads back
// what became of it.
func (l *Lease) renew() error {
	next := l.grant
	next.Renewed++
	sent := l.clock()
	v, err := l.requests.swap(l.ctx, l.version, next)
	if err == nil {
		l.confirm(next, v, sent)
		return nil
	}
	if l.unsure == nil {
		l.unsure = &sent
	}
	return errors.Join(err, l.readBack())
}

// readBack resolves a renewal without a plain answer. An earlier one may have landed
// while a later one was refused: what is found counts from before the first.
func (l *Lease) readBack() error {
	g, v, err := l.requests.load(l.ctx)
	switch {
	case errors.Is(err, ErrNotFound):
		l.gone = true
		l.lose("its document was deleted", nil)
	case err != nil:
		return err
	case g.Nonce != l.grant.Nonce:
		l.gone = true
		l.lose(fmt.Sprintf("it is %s", g), nil)
	case g.Released:
		l.gone = true
		l.lose("it was released by somebody else", nil)
	case g.Renewed > l.grant.Renewed:
		l.confirm(g, v, *l.unsure)
	default:
		l.version = v
	}
	return nil
}

// confirm notes that the grant stands since a request that was sent at that moment.
// A context that has ended stays so.
func (l *Lease) confirm(g Grant, v Version, sent moment) {
	l.grant.Renewed, l.version, l.unsure = g.Renewed, v, nil
	l.mu.Lock()
	defer l.mu.Unlock()
	l.confirmed, l.trouble = sent, nil
}

// note keeps the error of a renewal, to say it if the lease is lost for it.
func (l *Lease) note(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trouble = err
}
