package locktest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/muster-deploy/muster/lock"
)

// leaseChecks are about leases on top of the store: what it is for.
var leaseChecks = []Check{
	{"lease passed on", "a lease that is released is granted next with a higher epoch", checkPassOn},
	{"lease excludes", "of many contenders one at a time holds the lease", checkExclusion},
	{"lease renewed", "a lease outlives its duration while its holder lives", checkRenewal},
	{"lease taken over", "a lease is taken over when its holder fell silent, and not before it knows", checkTakeover},
}

// acquire acquires the check's lease.
func (b *bench) acquire(ctx context.Context, s lock.Store, holder string) (*lock.Lease, error) {
	return lock.Acquire(ctx, s, "lease", lock.Options{Holder: holder, Duration: b.options.Lease})
}

func checkPassOn(ctx context.Context, b *bench) error {
	for epoch := uint64(1); epoch <= 5; epoch++ {
		s, err := b.open(ctx)
		if err != nil {
			return err
		}
		l, err := b.acquire(ctx, s, "holder")
		if err != nil {
			return err
		}
		if l.Epoch() != epoch {
			return errors.Join(fmt.Errorf("grant %d has epoch %d", epoch, l.Epoch()), l.Close(ctx))
		}
		if err := l.Close(ctx); err != nil {
			return err
		}
		g, err := lock.Peek(ctx, b.other, "lease")
		if err != nil {
			return err
		}
		if !g.Released || g.Epoch != epoch {
			return fmt.Errorf("after the release the lease is %s", g)
		}
	}
	return nil
}

func checkExclusion(ctx context.Context, b *bench) error {
	var mu sync.Mutex
	var holder *lock.Lease
	var last uint64
	return b.together(ctx, func(ctx context.Context, i int, s lock.Store) error {
		for range 2 {
			l, err := b.acquire(ctx, s, fmt.Sprintf("contender %d", i))
			if err != nil {
				return err
			}
			mu.Lock()
			other, epoch := holder, last
			holder, last = l, l.Epoch()
			mu.Unlock()
			if other != nil && other.Context().Err() == nil {
				err = fmt.Errorf("epochs %d and %d were held at the same time", other.Epoch(), l.Epoch())
			}
			if l.Epoch() <= epoch {
				err = fmt.Errorf("epoch %d was granted after epoch %d", l.Epoch(), epoch)
			}
			if err := errors.Join(err, l.Close(ctx)); err != nil {
				return err
			}
		}
		return nil
	})
}

func checkRenewal(ctx context.Context, b *bench) error {
	l, err := b.acquire(ctx, b.store, "holder")
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, 2*b.options.Lease)
	defer cancel()
	if other, err := b.acquire(waiting, b.other, "waiter"); err == nil {
		return errors.Join(errors.New("a waiter was granted a lease that was held"), other.Close(ctx), l.Close(ctx))
	}
	if err := context.Cause(l.Context()); err != nil {
		return errors.Join(err, l.Close(ctx))
	}
	return l.Close(ctx)
}

func checkTakeover(ctx context.Context, b *bench) error {
	silent := &cutOff{Store: b.store}
	first, err := b.acquire(ctx, silent, "silent")
	if err != nil {
		return err
	}
	silent.now.Store(true)
	defer first.Close(ctx)
	second, err := b.acquire(ctx, b.other, "waiter")
	if err != nil {
		return err
	}
	defer second.Close(ctx)
	if cause := context.Cause(first.Context()); !errors.Is(cause, lock.ErrLost) {
		return fmt.Errorf("the lease was taken over, and the context of its holder has ended with %v", cause)
	}
	g, err := lock.Peek(ctx, b.other, "lease")
	if err != nil {
		return err
	}
	if g.Epoch != first.Epoch()+1 || g.Epoch != second.Epoch() || g.TakenFrom != "silent" {
		return fmt.Errorf("epoch %d was taken over, and the lease is %s", first.Epoch(), g)
	}
	return nil
}

// cutOff is a store that cannot be reached any more.
type cutOff struct {
	lock.Store
	now atomic.Bool
}

var errCutOff = errors.New("locktest: store cannot be reached")

func (c *cutOff) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if c.now.Load() {
		return nil, "", errCutOff
	}
	return c.Store.Load(ctx, key)
}

func (c *cutOff) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if c.now.Load() {
		return "", errCutOff
	}
	return c.Store.Swap(ctx, key, old, data)
}
