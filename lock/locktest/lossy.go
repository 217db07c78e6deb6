package locktest

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// ErrLossy is the error of every request that a Lossy store fails.
var ErrLossy = errors.New("locktest: no answer")

// Losses say what goes wrong in a Lossy store: how often, each from 0, never, to 1,
// always. The zero value loses nothing.
type Losses struct {
	// Seed makes the faults the same, for the same requests in the same order.
	Seed uint64

	// Refused requests do nothing and fail. Lost ones do what was asked, and fail.
	Refused, Lost float64

	// Late swaps fail, and are done all the same when up to Delay has passed, under
	// the version that they were asked with.
	Late float64

	// Delay is how long a request takes at most.
	Delay time.Duration
}

// Lossy returns the store as it looks over a bad network. It keeps the promises of a
// lock.Store: an error that is neither ErrNotFound nor ErrConflict leaves the outcome
// unknown. What works over it works with lost answers.
func Lossy(s lock.Store, l Losses) lock.Store {
	return &lossy{store: s, losses: l, random: rand.New(rand.NewPCG(l.Seed, 0))}
}

type lossy struct {
	store  lock.Store
	losses Losses

	mu     sync.Mutex
	random *rand.Rand
}

// fate is what happens to one request.
type fate struct {
	refused, lost, late bool
	before, after       time.Duration
}

// draw decides what happens to the next request.
func (l *lossy) draw() fate {
	l.mu.Lock()
	defer l.mu.Unlock()
	f := fate{
		refused: l.random.Float64() < l.losses.Refused,
		lost:    l.random.Float64() < l.losses.Lost,
		late:    l.random.Float64() < l.losses.Late,
	}
	if half := l.losses.Delay / 2; half > 0 {
		f.before = time.Duration(l.random.Int64N(int64(half)))
		f.after = time.Duration(l.random.Int64N(int64(half)))
	}
	return f
}

// Load implements lock.Store.
func (l *lossy) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	f := l.draw()
	if err := pass(ctx, f.before); err != nil {
		return nil, "", err
	}
	if f.refused {
		return nil, "", ErrLossy
	}
	data, v, err := l.store.Load(ctx, key)
	if err := pass(ctx, f.after); err != nil {
		return nil, "", err
	}
	if f.lost {
		return nil, "", ErrLossy
	}
	return data, v, err
}

// Swap implements lock.Store.
func (l *lossy) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	f := l.draw()
	if err := pass(ctx, f.before); err != nil {
		return "", err
	}
	if f.refused {
		return "", ErrLossy
	}
	if f.late {
		data = bytes.Clone(data)
		late := context.WithoutCancel(ctx)
		time.AfterFunc(f.after, func() { _, _ = l.store.Swap(late, key, old, data) })
		return "", ErrLossy
	}
	v, err := l.store.Swap(ctx, key, old, data)
	if err := pass(ctx, f.after); err != nil {
		return "", err
	}
	if f.lost {
		return "", ErrLossy
	}
	return v, err
}

// pass lets time go by, or returns the error of a context that ends meanwhile.
func pass(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
