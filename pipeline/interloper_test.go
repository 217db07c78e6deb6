package pipeline_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// interloper is a deployer's connection to its store on which somebody else writes
// first: after the deployer has decided, and right before its swap of the record.
type interloper struct {
	lock.Store
	left  atomic.Int64 // swaps of the record until then
	first func()
}

func (i *interloper) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if strings.HasSuffix(key, "/record") && i.left.Add(-1) == 0 {
		i.first()
	}
	return i.Store.Swap(ctx, key, old, data)
}

func TestLaw11_AHoldThatLandsRightBeforeASwapIsObeyedByThatSwap(t *testing.T) {
	n := int64(1)
	for ; held(t, n); n++ {
		require.Less(t, n, int64(200))
	}
	t.Logf("held right before each of %d swaps", n-1)
	assert.Greater(t, n, int64(10))
}

// held has a deployer roll out over three units while a hold lands right before its
// swap n, and reports whether it made that many. What the record said was begun may
// be finished under the hold; not one unit more is switched until it is lifted.
func held(t *testing.T, n int64) (landed bool) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 1
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		after(minute)
		stop()
		head := w.commit(pipeline.Passed)
		var hold string
		begun := 0
		i := &interloper{Store: w.store, first: func() {
			switch now := status(t, w.outside()); {
			case now.Live.Revision == head:
				begun = 3
			case now.Open != nil && now.Open.Stages["production"] != nil:
				begun = now.Open.Stages["production"].Targets["fleet"].Begun
			}
			hold = do(t, w.outside(), pipeline.PlaceHold{Asked: ann})
		}}
		i.left.Store(n)
		c := w.config()
		c.Store = i
		_, stop = start(t, c)
		defer stop()
		after(10 * minute)
		s := status(t, w.outside())
		if landed = hold != ""; !landed {
			require.Equal(t, head, s.Live.Revision)
			return
		}
		if o := s.Open; o != nil {
			assert.LessOrEqual(t, serving(t, w.fleet)[o.To.Digest], begun, "swap %d: a batch began under the hold", n)
		} else if s.Live.Revision == head {
			assert.Equal(t, 3, begun, "swap %d: a deploy ended live under the hold", n)
		}
		do(t, w.outside(), pipeline.LiftHold{Asked: ann, Hold: hold})
		after(minute)
		s = status(t, w.outside())
		require.Equal(t, head, s.Live.Revision, "swap %d", n)
		assert.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet), "swap %d", n)
	})
	return landed
}
