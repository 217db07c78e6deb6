package contentiontest

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// holders are those who hold a lease at this moment, as far as they know.
type holders struct {
	mu    sync.Mutex
	now   int
	epoch uint64
}

// Leases lets sixteen contenders acquire one lease, hold it for a moment and release
// it, so often each. It fails the test if two hold it at the same time or an epoch is
// not greater than the one before. A contender who could not acquire it tries again.
// It is for virtual time: whoever loses the answer to a release lets all others wait.
func Leases(ctx context.Context, t testing.TB, stores []lock.Store, rounds int) {
	t.Helper()
	h := &holders{}
	var wait sync.WaitGroup
	for i := range contenders {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for done := 0; done < rounds && ctx.Err() == nil; {
				l, err := lock.Acquire(ctx, stores[i%len(stores)], "contended/lease", lock.Options{})
				if err != nil {
					continue
				}
				h.hold(t, l, time.Duration(random.IntN(int(20*time.Second))))
				// What a lost answer leaves behind runs out by itself.
				_ = l.Close(ctx)
				done++
			}
		})
	}
	wait.Wait()
}

// hold holds the lease for a while, or until it is lost.
func (h *holders) hold(t testing.TB, l *lock.Lease, d time.Duration) {
	h.mu.Lock()
	h.now++
	if h.now > 1 {
		t.Errorf("%d hold the lease at the same time", h.now)
	}
	if l.Epoch() <= h.epoch {
		t.Errorf("the epoch %d follows %d", l.Epoch(), h.epoch)
	}
	h.epoch = l.Epoch()
	h.mu.Unlock()
	select {
	case <-time.After(d):
	case <-l.Context().Done():
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now--
}
