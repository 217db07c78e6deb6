package contentiontest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/locktest"
)

// complaints is a test that notes whether it failed.
type complaints struct {
	testing.TB
	mu     sync.Mutex
	failed bool
}

func (c *complaints) Helper() {}
func (c *complaints) Errorf(string, ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed = true
}

func TestSoundStoresPassAlsoOverABadNetwork(t *testing.T) {
	m := &lock.Memory{}
	assert.Zero(t, Run(t.Context(), t, []lock.Store{m}, 1000))
	m = &lock.Memory{}
	lossy := locktest.Lossy(m, locktest.Losses{Lost: 0.2, Refused: 0.1, Late: 0.1, Delay: time.Millisecond})
	assert.NotZero(t, Run(t.Context(), t, []lock.Store{lossy}, 1000))
}

// liar says that there was a conflict where an answer was lost.
type liar struct{ lock.Store }

func (l liar) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	v, err := l.Store.Swap(ctx, key, old, data)
	if err != nil {
		err = lock.ErrConflict
	}
	return v, err
}

func TestAConflictThatIsALieIsFound(t *testing.T) {
	lossy := locktest.Lossy(&lock.Memory{}, locktest.Losses{Lost: 0.2})
	c := &complaints{TB: t}
	Run(t.Context(), c, []lock.Store{liar{lossy}}, 1000)
	assert.True(t, c.failed)
}

func TestFaultyStoresAreFound(t *testing.T) {
	found := 0
	for _, f := range locktest.Faults() {
		p := f.Break(locktest.Memory())
		a, err := p.Open(t.Context())
		assert.NoError(t, err)
		b, err := p.Open(t.Context())
		assert.NoError(t, err)
		c := &complaints{TB: t}
		Run(t.Context(), c, []lock.Store{a, b}, 400)
		if c.failed {
			found++
		}
	}
	assert.GreaterOrEqual(t, found, 5, "of %d faults, many of which concern other things", len(locktest.Faults()))
}
