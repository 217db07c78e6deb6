package lock_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/locktest"
)

var seed = flag.Uint64("seed", 0, "seed of the random tests, 0 for one that is chosen and printed")

// printedSeed returns the seed of a random test, and prints it when the test fails.
func printedSeed(t *testing.T) uint64 {
	s := *seed
	if s == 0 {
		s = rand.Uint64()
	}
	t.Logf("seed: go test -run %s -seed=%d", t.Name(), s)
	return s
}

// referee notes who holds a lease, and complains when two do.
type referee struct {
	t *testing.T

	mu     sync.Mutex
	holder *lock.Lease
	ended  time.Time // when the context of a holder that died ended
	last   uint64
	grants int
	lost   int
}

// granted notes a grant. A holder before must have ended a margin ago, unless it has
// closed its lease.
func (r *referee) granted(l *lock.Lease) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.holder != nil {
		assert.Error(r.t, r.holder.Context().Err(), "epochs %d and %d are held at the same time", r.holder.Epoch(), l.Epoch())
	}
	assert.Greater(r.t, l.Epoch(), r.last, "epochs only grow")
	if !r.ended.IsZero() {
		assert.GreaterOrEqual(r.t, time.Since(r.ended), lossyDuration/5, "a margin between epochs %d and %d", r.last, l.Epoch())
	}
	r.holder, r.ended, r.last = l, time.Time{}, l.Epoch()
	r.grants++
}

// over notes that a holder is done. Nobody hears of it when it is dead, cut off from
// the store; else it is going to close its lease, lost or not.
func (r *referee) over(l *lock.Lease, lost, dead bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if lost {
		r.lost++
	}
	if r.holder == l {
		r.holder = nil
		if lost && dead {
			r.ended = time.Now()
		}
	}
}

// done reports whether there were that many grants.
func (r *referee) done(grants int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.grants >= grants
}

const lossyDuration = 3 * time.Second

// contend acquires, holds and closes the lease until there were enough grants. Now
// and then it dies: it never closes, and its store is cut off.
func contend(t *testing.T, name string, store lock.Store, random *rand.Rand, r *referee, grants int) {
	for !r.done(grants) {
		n := &network{Store: store}
		l, err := lock.Acquire(t.Context(), n, "lease", lock.Options{Holder: name, Duration: lossyDuration})
		if err != nil {
			assert.True(t, errors.Is(err, locktest.ErrLossy) || errors.Is(err, context.DeadlineExceeded), err)
			continue
		}
		r.granted(l)
		if random.IntN(10) == 0 {
			n.cut()
			<-l.Context().Done()
		}
		lost := stay(l, time.Duration(random.Int64N(int64(2*lossyDuration))))
		r.over(l, lost, n.down())
		for try := 0; try < 3 && l.Close(t.Context()) != nil; try++ { // retried, and then left to expire
			time.Sleep(100 * time.Millisecond)
		}
	}
}

// stay holds the lease for a while, and reports whether it was lost meanwhile.
func stay(l *lock.Lease, d time.Duration) bool {
	select {
	case <-time.After(d):
		return false
	case <-l.Context().Done():
		return true
	}
}

// network is the way to a store, until it is cut.
type network struct {
	lock.Store
	mu   sync.Mutex
	dead bool
}

func (n *network) cut() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.dead = true
}

func (n *network) down() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dead
}

func (n *network) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if n.down() {
		<-ctx.Done()
		return nil, "", ctx.Err()
	}
	return n.Store.Load(ctx, key)
}

func (n *network) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if n.down() {
		<-ctx.Done()
		return "", ctx.Err()
	}
	return n.Store.Swap(ctx, key, old, data)
}

func TestNeverTwoHoldersWhenAnswersAreLost(t *testing.T) {
	for name, losses := range map[string]locktest.Losses{
		"answers lost":      {Lost: 0.3, Delay: 200 * time.Millisecond},
		"requests refused":  {Refused: 0.3, Delay: 200 * time.Millisecond},
		"writes late":       {Late: 0.3, Delay: 2 * time.Second},
		"all of it, slowly": {Refused: 0.15, Lost: 0.15, Late: 0.15, Delay: 1500 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			losses.Seed = printedSeed(t)
			synctest.Test(t, func(t *testing.T) {
				const contenders, grants = 16, 500 // 2,000 in the four networks
				store, r := &lock.Memory{}, &referee{t: t}
				var wg sync.WaitGroup
				for i := range contenders {
					l := losses
					l.Seed += uint64(i)
					random := rand.New(rand.NewPCG(l.Seed, 1))
					wg.Go(func() {
						contend(t, fmt.Sprintf("contender %d", i), locktest.Lossy(store, l), random, r, grants)
					})
				}
				wg.Wait()
				g, err := lock.Peek(t.Context(), store, "lease")
				require.NoError(t, err)
				t.Logf("%d grants, %d of them lost, epoch %d", r.grants, r.lost, g.Epoch)
				assert.GreaterOrEqual(t, g.Epoch, uint64(grants))
				assert.NotZero(t, r.lost)
			})
		})
	}
}
