package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/targettest"
)

// slowReads has every reading take a while.
func slowReads(d time.Duration) targettest.Hook {
	return func(_ context.Context, at targettest.Point) error {
		if at.Phase == targettest.Observe {
			time.Sleep(d)
		}
		return nil
	}
}

func checked(context.Context, fleet.Host, string) error { return nil }

func TestReadingAheadHoldsNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for ahead, want := range map[int]time.Duration{0: 10 * time.Second, 3: 2 * time.Second} {
			p := newPark("a", "b", "c", "d", "e", "f", "g", "h")
			f := p.fleet(t, func(c *fleet.Config) { c.ReadAhead, c.Check, c.Probes = ahead, checked, 1 })
			ship(t, f)
			p.hook = slowReads(time.Second)
			start := time.Now()
			require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
			assert.LessOrEqual(t, time.Since(start), want, "with %d read ahead", ahead)
		}
	})
}

func TestLaw09_AHostThatWasReadTooEarlyIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c")
		f := p.fleet(t, func(c *fleet.Config) { c.ReadAhead = 10 })
		ship(t, f)
		p.calls = nil
		p.drain = func(ctx context.Context, name string) error { // a takes a while, and c gets a newer order
			time.Sleep(time.Minute)
			_, err := p.memory["c"].Observe(ctx, target.Order{Number: 9})
			return err
		}
		require.ErrorIs(t, f.Activate(t.Context(), order(2, 2, target.Forward)), target.ErrStale)
		assert.NotContains(t, p.calls, "drain c")
	})
}

func TestInServiceIsAskedInsteadOfEachHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		asked := 0
		var fail error
		f := p.fleet(t, func(c *fleet.Config) {
			c.MinInService = fleet.Number(2)
			c.InService = func(context.Context) (map[string]bool, error) {
				asked++
				return map[string]bool{"a": true, "b": !p.out["b"], "c": true}, fail
			}
		})
		ship(t, f)
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)), "three serve, two have to stay")
		assert.NotZero(t, asked)

		f = p.fleet(t, func(c *fleet.Config) {
			c.MinInService = fleet.Number(3)
			c.InService = func(context.Context) (map[string]bool, error) { return map[string]bool{"a": true}, fail }
		})
		require.ErrorIs(t, f.Activate(t.Context(), order(3, 1, target.Forward)), fleet.ErrMinInService, "one serves")
		assert.Equal(t, 2, p.live()["a"])
		fail = errors.New("api is down")
		require.NoError(t, f.Activate(t.Context(), order(4, 1, target.Forward)), "each is read, then")
	})
}

func TestAHostMayWaitTheLongerToBePreparedTheMoreMembersThereAre(t *testing.T) {
	for members, want := range map[int]time.Duration{2: 15 * time.Minute, 5000: 30 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			p := newPark()
			for i := range members {
				p.add(fmt.Sprintf("h%04d", i), "")
			}
			p.hook = func(ctx context.Context, at targettest.Point) error {
				if at.Phase == targettest.Prepare && at.Unit == "h0001" {
					<-ctx.Done()
					return ctx.Err()
				}
				return nil
			}
			start := time.Now()
			err := p.fleet(t, nil).Prepare(t.Context(), order(1, 1, target.Forward), targettest.Artifact(1))
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, want, time.Since(start))
		})
	}
}
