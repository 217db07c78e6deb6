package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/targettest"
)

// outlook is a fleet that looks ahead at the end of Prepare, and counts readings. Host "e"
// takes ten seconds to be prepared.
type outlook struct {
	*park
	*fleet.Fleet
	read atomic.Int64
	lost atomic.Bool // "b" does not answer

	takes time.Duration // each reading
}

func newOutlook(t *testing.T) *outlook {
	p := &outlook{park: newPark("a", "b", "c", "d", "e")}
	p.Fleet = p.fleet(t, func(c *fleet.Config) {
		c.Foresee, c.ReadAhead, c.ReadingLimit = fleet.Number(1), 10, time.Hour
		c.Check, c.Probes = checked, 1
	})
	ship(t, p.Fleet)
	p.hook = func(_ context.Context, at targettest.Point) error {
		switch {
		case at.Phase == targettest.Prepare && at.Unit == "e":
			time.Sleep(10 * time.Second)
		case at.Phase == targettest.Observe && at.Unit == "b" && p.lost.Load():
			return errors.New("out of reach")
		case at.Phase == targettest.Observe:
			time.Sleep(p.takes)
			p.read.Add(1)
		}
		return nil
	}
	return p
}

// prepare prepares release 3 and returns how many readings that took.
func (p *outlook) prepare(t *testing.T, why target.Intent) int64 {
	t.Helper()
	p.read.Store(0)
	start := time.Now()
	require.NoError(t, p.Prepare(t.Context(), order(2, 3, why), targettest.Artifact(3)))
	assert.Equal(t, max(p.takes, 10*time.Second), time.Since(start), "looking ahead holds nobody up")
	return p.read.Swap(0)
}

func TestActivateDoesNotReadAgainWhatPrepareHasJustRead(t *testing.T) {
	for _, takes := range []time.Duration{time.Second, 12 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			p := newOutlook(t)
			p.takes = takes
			require.EqualValues(t, 5, p.prepare(t, target.Forward))
			require.NoError(t, p.Activate(t.Context(), order(3, 3, target.Forward)))
			assert.EqualValues(t, 0, p.read.Swap(0))
			assert.Equal(t, map[string]int{"a": 3, "b": 3, "c": 3, "d": 3, "e": 3}, p.live())
			p.read.Store(0)
			require.NoError(t, p.Activate(t.Context(), order(4, 3, target.Forward)))
			assert.EqualValues(t, 5, p.read.Load(), "once")
		})
	}
}

func TestOnlyADeployIsForeseen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newOutlook(t)
		assert.Zero(t, p.prepare(t, target.Again))
	})
}

func TestOnlyTheDeployThatWasPreparedUsesWhatPrepareHasRead(t *testing.T) {
	cases := map[string]func(p *outlook) target.Order{
		"two minutes later": func(*outlook) target.Order {
			time.Sleep(2 * time.Minute)
			return order(3, 3, target.Forward)
		},
		"another release": func(*outlook) target.Order { return order(3, 2, target.Forward) },
		"a rollback":      func(*outlook) target.Order { return order(3, 3, target.Backward) },
	}
	for name, next := range cases {
		synctest.Test(t, func(t *testing.T) {
			p := newOutlook(t)
			p.prepare(t, target.Forward)
			require.NoError(t, p.Activate(t.Context(), next(p)))
			assert.GreaterOrEqual(t, p.read.Load(), int64(5), name)
		})
	}
}

func TestLaw09_AHostThatDidNotAnswerPrepareIsReadAgainAndUnknownUntilThen(t *testing.T) {
	for _, back := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			p := newOutlook(t)
			p.lost.Store(true)
			require.EqualValues(t, 4, p.prepare(t, target.Forward))
			p.lost.Store(!back)
			p.calls = nil
			err := p.Activate(t.Context(), order(3, 3, target.Forward))
			if back {
				require.NoError(t, err)
				assert.EqualValues(t, 1, p.read.Load(), "that one alone")
				return
			}
			require.ErrorContains(t, err, "out of reach")
			assert.Empty(t, p.calls, "nothing is touched")
		})
	}
}

func TestLaw09_AnOrderThatCameAfterPrepareHasReadIsNotOverruled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newOutlook(t)
		p.prepare(t, target.Forward)
		for _, m := range p.memory {
			_, err := m.Observe(t.Context(), target.Order{Number: 9})
			require.NoError(t, err)
		}
		require.ErrorIs(t, p.Activate(t.Context(), order(3, 3, target.Forward)), target.ErrStale)
		assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, p.live())
	})
}

func TestNobodyIsReadForAnOrderThatIsOvertakenWhilePreparing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newOutlook(t)
		_, err := p.memory["e"].Observe(t.Context(), target.Order{Number: 9})
		require.NoError(t, err)
		hook := p.hook
		p.hook = func(ctx context.Context, at targettest.Point) error {
			if at.Phase == targettest.Observe {
				<-ctx.Done()
			}
			return hook(ctx, at)
		}
		start := time.Now()
		require.ErrorIs(t, p.Prepare(t.Context(), order(2, 3, target.Forward), targettest.Artifact(3)), target.ErrStale)
		assert.Equal(t, 10*time.Second, time.Since(start), "the readings are given up")
	})
}

func TestAReadingMayBeTheOlderTheMoreMembersThereAre(t *testing.T) {
	for age, again := range map[time.Duration]bool{23 * time.Second: false, 25 * time.Second: true} {
		synctest.Test(t, func(t *testing.T) {
			p := newPark()
			for i := range 200 { // of 120 ms each, which are 24 s
				p.add(fmt.Sprintf("h%03d", i), "")
			}
			read := atomic.Int64{}
			f := p.fleet(t, func(c *fleet.Config) {
				c.Check, c.Probes, c.ReadAhead, c.Parallel = checked, 1, 1000, 1000
				c.Batch, c.Canary = fleet.Percent(100), 1
			})
			prepare(t, f, 1)
			p.hook = func(_ context.Context, at targettest.Point) error {
				if at.Phase == targettest.Observe {
					read.Add(1)
				}
				return nil
			}
			// The canary takes long, and all others have their turn after it. Those that are
			// read ahead before it, because half of the limit is over, would be news.
			var drains atomic.Int64
			p.drain = func(context.Context, string) error {
				if drains.Add(1) == 1 {
					time.Sleep(age)
				}
				return nil
			}
			require.NoError(t, f.Activate(t.Context(), order(1, 1, target.Forward)))
			assert.Equal(t, again, read.Load() > 200, "%d readings at the age of %v", read.Load(), age)
		})
	}
}
