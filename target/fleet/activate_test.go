package fleet_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/targettest"
)

var errBad = errors.New("answers 500")

// failsAt makes a release fail on some hosts when they are asked whether they are well.
func failsAt(n int, hosts ...string) targettest.Hook {
	return func(_ context.Context, at targettest.Point) error {
		if at.Phase == targettest.Confirm && at.Order.Release.Digest == targettest.Artifact(n).Digest && slices.Contains(hosts, at.Unit) {
			return errBad
		}
		return nil
	}
}

// asError wants a *fleet.Error.
func asError(t *testing.T, err error) *fleet.Error {
	t.Helper()
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestLaw07_ARollbackGoesPastFailuresAndCanaries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d", "e", "f", "g", "h")
		f := p.fleet(t, func(c *fleet.Config) { c.Canary = 2; c.Wide = fleet.Percent(50) })
		ship(t, f)
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		p.hook = failsAt(1, "a", "b")
		p.memory["c"].Cut("c", true)
		var asked []target.Step
		o := order(3, 1, target.Backward)
		o.Begin = func(_ context.Context, s target.Step) error { asked = append(asked, s); return nil }
		e := asError(t, f.Activate(t.Context(), o))
		assert.Equal(t, []string{"d", "e", "f", "g", "h"}, e.New)
		assert.Equal(t, []string{"a", "b"}, e.Old)
		assert.Equal(t, []string{"c"}, e.Unknown)
		assert.Equal(t, []string{"a", "b", "c"}, e.Failed)
		require.ErrorIs(t, e, errBad)
		assert.Equal(t, []target.Step{
			{Batch: 1, Batches: 2, Units: []string{"a", "b", "d", "e"}},
			{Batch: 2, Batches: 2, Units: []string{"f", "g", "h"}},
		}, asked)
	})
}

func TestARollbackBeginsWithThoseThatServeNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark()
		for i, zone := range strings.Fields("x x x y y y y") {
			p.add(fmt.Sprintf("h%d", i), zone)
		}
		idle := map[string]bool{}
		f := p.fleet(t, func(c *fleet.Config) {
			c.Wide = fleet.Number(2)
			c.InService = func(context.Context) (map[string]bool, error) {
				in := map[string]bool{}
				for i := range 7 {
					in[fmt.Sprintf("h%d", i)] = !idle[fmt.Sprintf("h%d", i)]
				}
				return in, nil
			}
		})
		ship(t, f)
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		p.memory["h4"].Sicken("h4", "answers 500")
		p.memory["h1"].Sicken("h1", "answers 500")
		idle["h6"] = true
		want := [][]string{{"h1"}, {"h4", "h6"}, {"h0", "h2"}, {"h3", "h5"}}
		o := order(3, 1, target.Backward)
		steps, err := f.Plan(t.Context(), o)
		require.NoError(t, err)
		var planned, begun [][]string
		for _, s := range steps {
			planned = append(planned, s.Units)
		}
		assert.Equal(t, want, planned)
		o.Begin = func(_ context.Context, s target.Step) error { begun = append(begun, s.Units); return nil }
		require.NoError(t, f.Activate(t.Context(), o))
		assert.Equal(t, want, begun)
	})
}

func TestLaw08_ConvergenceIsPrepareAndActivateAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		f := p.fleet(t, func(c *fleet.Config) { c.Canary = 1 })
		ship(t, f)
		p.memory["b"].Drift("b", "sha256:by-hand")
		p.memory["c"].Sicken("c", "crashed")
		p.add("e", "") // booted late
		require.NoError(t, f.Prepare(t.Context(), order(2, 1, target.Again), targettest.Artifact(1)))
		var touched []string
		o := order(3, 1, target.Again)
		o.Begin = func(_ context.Context, s target.Step) error { touched = append(touched, s.Units...); return nil }
		require.NoError(t, f.Activate(t.Context(), o))
		assert.Equal(t, []string{"b", "c", "e"}, touched)
		assert.Equal(t, map[string]int{"a": 1, "b": 1, "c": 1, "d": 1, "e": 1}, p.live())
	})
}

func TestConvergenceGoesPastAHostThatDidNotServeBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c")
		f := p.fleet(t, nil)
		ship(t, f)
		p.memory["a"].Sicken("a", "broken disk")
		p.memory["c"].Sicken("c", "crashed")
		p.hook = failsAt(1, "a")
		e := asError(t, f.Activate(t.Context(), order(2, 1, target.Again)))
		assert.Equal(t, []string{"a"}, e.Failed)
		s, err := f.Observe(t.Context(), target.Order{})
		require.NoError(t, err)
		assert.Equal(t, target.Serving, s.Units[2].Condition)
	})
}

func TestLaw09_AHostThatRefusesStopsAllAndNothingIsUndone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		f := p.fleet(t, nil)
		ship(t, f)
		p.drain = func(ctx context.Context, name string) error { // a successor fences while c drains
			if name == "c" {
				_, err := p.memory["c"].Observe(ctx, target.Order{Number: 9})
				return err
			}
			return nil
		}
		e := asError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		require.ErrorIs(t, e, target.ErrStale)
		assert.Equal(t, []string{"a", "b"}, e.New)
		assert.Equal(t, []string{"c", "d"}, e.Old)
		assert.Equal(t, "drain c", p.calls[len(p.calls)-1], "it belongs to the newer order now")

		require.NoError(t, f.Activate(t.Context(), order(10, 1, target.Backward)))
		assert.Empty(t, p.out, "who comes next registers it")
	})
}

func TestLaw09_AnOvertakenOrderDrainsNobody(t *testing.T) {
	p := newPark("a", "b")
	f := p.fleet(t, nil)
	ship(t, f)
	_, err := p.memory["b"].Observe(t.Context(), target.Order{Number: 9})
	require.NoError(t, err)
	p.calls = nil
	require.ErrorIs(t, f.Activate(t.Context(), order(2, 2, target.Forward)), target.ErrStale)
	assert.Empty(t, p.calls)
}

func TestLaw11_EachBatchIsAskedBeforeItsHostsAreTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d", "e")
		f := p.fleet(t, func(c *fleet.Config) { c.Batch = fleet.Number(2) })
		ship(t, f)
		begun := map[string]bool{}
		p.drain = func(_ context.Context, name string) error {
			if !begun[name] {
				t.Errorf("%s is drained before its batch has begun", name)
			}
			time.Sleep(time.Second)
			return nil
		}
		no := errors.New("held by on-call")
		o := order(2, 2, target.Forward)
		o.Begin = func(_ context.Context, s target.Step) error {
			if s.Batch == 3 {
				return no
			}
			for _, u := range s.Units {
				begun[u] = true
			}
			return nil
		}
		e := asError(t, f.Activate(t.Context(), o))
		require.ErrorIs(t, e, no)
		assert.Equal(t, []string{"a", "b", "c", "d"}, e.New, "what was begun has ended")
		assert.Equal(t, []string{"e"}, e.Old)
		assert.Empty(t, e.Failed)
	})
}

func TestLaw12_UnreachableHostsCountAgainstTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		ship(t, p.fleet(t, nil))
		p.memory["b"].Cut("b", true)
		p.memory["d"].Cut("d", true)
		p.calls = nil
		o := order(2, 2, target.Forward)
		o.Begin = func(context.Context, target.Step) error { t.Error("begun"); return nil }
		e := asError(t, p.fleet(t, func(c *fleet.Config) { c.Budget = 1 }).Activate(t.Context(), o))
		assert.Equal(t, []string{"b", "d"}, e.Unknown)
		assert.Equal(t, []string{"a", "c"}, e.Old)
		assert.Empty(t, p.calls, "refused, nothing is touched")

		f := p.fleet(t, func(c *fleet.Config) { c.Budget = 2 })
		require.NoError(t, f.Activate(t.Context(), order(3, 2, target.Forward)))
		s, err := f.Observe(t.Context(), target.Order{})
		require.NoError(t, err)
		assert.Equal(t, 2, s.Budget)
		assert.Equal(t, target.Unknown, s.Units[1].Condition)
		assert.NotEmpty(t, s.Units[1].Problem)
	})
}

func TestLaw12_WhatHappenedIsReadFromTheHostIfItsAnswerWasLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, nil)
		ship(t, f)
		p.hook = func(_ context.Context, at targettest.Point) error {
			if at.Phase == targettest.Switch {
				return targettest.ErrLost
			}
			return nil
		}
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		assert.Equal(t, map[string]int{"a": 2, "b": 2}, p.live())
		assert.Empty(t, p.out)
	})
}

func TestAFailedCanaryStopsEverythingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		f := p.fleet(t, func(c *fleet.Config) { c.Canary = 1; c.Budget = 3; c.Batch = fleet.Number(4) })
		ship(t, f)
		p.hook = failsAt(2, "a")
		e := asError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		assert.Equal(t, "canary a failed", e.Reason)
		assert.Empty(t, e.New)
		assert.Equal(t, []string{"a"}, e.Failed)
		assert.Empty(t, p.out, "a put itself back and serves")
	})
}

func TestFailuresOverTheBudgetStopTheRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d", "e")
		f := p.fleet(t, func(c *fleet.Config) { c.Budget = 1 })
		ship(t, f)
		p.hook = failsAt(2, "b", "d")
		err := f.Activate(t.Context(), order(2, 2, target.Forward))
		e := asError(t, err)
		assert.Equal(t, []string{"a", "c"}, e.New)
		assert.Equal(t, []string{"b", "d", "e"}, e.Old)
		assert.Equal(t, []string{"b", "d"}, e.Failed)
		assert.EqualError(t, err, "activate 2 on web: 2 hosts failed or were out of reach, the budget is 1; "+
			"on the release: 2 (a, c); not on it: 3 (b, d, e); failed: 2 (b, d); b: answers 500; d: answers 500")
	})
}

func TestARolloutWhoseLastHostFailedDidNotSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, nil)
		ship(t, f)
		p.hook = failsAt(2, "b")
		e := asError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		assert.Equal(t, []string{"b"}, e.Failed)
	})
}

func TestTheCanaryIsInTheSmallestZoneAndNoBatchCrossesZones(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark()
		zones := strings.Fields("x x x x y y z z z")
		for i, zone := range zones {
			p.add(fmt.Sprintf("h%d", i), zone)
		}
		f := p.fleet(t, func(c *fleet.Config) { c.Canary = 1; c.Batch = fleet.Number(2) })
		prepare(t, f, 1)
		steps, err := f.Plan(t.Context(), order(2_000_000, 1, target.Forward))
		require.NoError(t, err)
		var units [][]string
		for _, s := range steps {
			units = append(units, s.Units)
		}
		assert.Equal(t, [][]string{{"h4"}, {"h5"}, {"h6", "h7"}, {"h8"}, {"h0", "h1"}, {"h2", "h3"}}, units)

		var mu sync.Mutex
		zone, under := "", 0
		count := func(name, z string, n int) {
			mu.Lock()
			defer mu.Unlock()
			if n > 0 && under > 0 && z != zone {
				t.Errorf("%s is drained while zone %s has hosts out", name, zone)
			}
			zone = z
			under += n
		}
		p.drain = func(_ context.Context, name string) error {
			z := zones[name[1]-'0']
			count(name, z, 1)
			time.Sleep(time.Second)
			count(name, z, -1)
			return nil
		}
		require.NoError(t, f.Activate(t.Context(), order(2, 1, target.Forward)))
	})
}

func TestHostsStartAsSlotsBecomeFree(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d", "e")
		f := p.fleet(t, func(c *fleet.Config) { c.Batch = fleet.Number(2) })
		ship(t, f)
		p.drain = func(_ context.Context, name string) error {
			time.Sleep(map[string]time.Duration{"a": time.Minute}[name] + 10*time.Second)
			return nil
		}
		start := time.Now()
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		assert.InDelta(t, 70, time.Since(start).Seconds(), 1, "nobody waits for a")
		assert.Equal(t, 3, p.minimum, "hosts in service")
	})
}

func TestTheMinimumInServiceHoldsAtTheMomentOfActing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		f := p.fleet(t, func(c *fleet.Config) { c.MinInService = fleet.Number(3) })
		ship(t, f)
		p.hook = func(_ context.Context, at targettest.Point) error {
			if at.Phase == targettest.Switch && at.Unit == "b" {
				p.memory["d"].Sicken("d", "died meanwhile")
			}
			return nil
		}
		start := time.Now()
		e := asError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		require.ErrorIs(t, e, fleet.ErrMinInService)
		assert.InDelta(t, 60, time.Since(start).Seconds(), 15, "it waits for d, and not for ever")
		assert.ErrorContains(t, e, "take out c: 3 serve, 3 have to stay, out of service are 1 (d: died meanwhile)")
		assert.Equal(t, []string{"a", "b"}, e.New)
		assert.Empty(t, e.Failed, "refused is not failed")

		p.memory["d"].Sicken("d", "")
		p.hook = nil
		require.NoError(t, f.Activate(t.Context(), order(3, 2, target.Forward)))
		p.memory["a"].Sicken("a", "bad release")
		p.memory["b"].Sicken("b", "bad release")
		require.NoError(t, f.Activate(t.Context(), order(4, 1, target.Backward)), "a rollback goes on")
	})
}

func TestADeployWaitsForAHostThatMissedAProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c", "d")
		f := p.fleet(t, func(c *fleet.Config) { c.MinInService = fleet.Number(3) })
		ship(t, f)
		p.hook = func(_ context.Context, at targettest.Point) error {
			if at.Phase == targettest.Switch && at.Unit == "b" {
				p.memory["d"].Sicken("d", "no answer")
				time.AfterFunc(30*time.Second, func() { p.memory["d"].Sicken("d", "") })
			}
			return nil
		}
		o := order(2, 2, target.Forward)
		var said []string
		o.Report = func(p target.Progress) {
			if p.Phase == "wait" {
				said = append(said, p.Message)
			}
		}
		start := time.Now()
		require.NoError(t, f.Activate(t.Context(), o))
		assert.InDelta(t, 30, time.Since(start).Seconds(), 10)
		assert.Equal(t, map[string]int{"a": 2, "b": 2, "c": 2, "d": 2}, p.live())
		assert.Equal(t, []string{"waiting for hosts to serve again, to take out c: 3 serve, 3 have to stay, out of service are 1 (d: no answer)"}, said)
	})
}

func TestADeployThatWaitsForHostsObeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, func(c *fleet.Config) { c.MinInService = fleet.Number(1); c.RecoverLimit = time.Hour })
		ship(t, f)
		p.memory["b"].Sicken("b", "no answer")
		ctx, cancel := context.WithCancelCause(t.Context())
		held := errors.New("an operator rolls back")
		time.AfterFunc(time.Minute, func() { cancel(held) })
		start := time.Now()
		require.ErrorIs(t, f.Activate(ctx, order(2, 2, target.Forward)), held)
		assert.Equal(t, time.Minute, time.Since(start))

		p.memory["b"].Sicken("b", "overtaken")
		time.AfterFunc(time.Minute, func() { _, _ = p.memory["b"].Observe(t.Context(), order(9, 2, target.Forward)) })
		require.ErrorIs(t, f.Activate(t.Context(), order(3, 3, target.Forward)), target.ErrStale)
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, p.live())
	})
}

func TestAHostThatIsOutAnywayMayAlwaysBeSwitched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, func(c *fleet.Config) { c.MinInService = fleet.Number(1); c.Batch = fleet.Number(2) })
		ship(t, f)
		p.memory["a"].Sicken("a", "crashed")
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
	})
}

func TestAHostThatCannotBeDrainedIsRegisteredAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, func(c *fleet.Config) { c.DrainLimit = time.Minute })
		ship(t, f)
		p.drain = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
		start := time.Now()
		e := asError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		require.ErrorIs(t, e, context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(start))
		assert.Equal(t, []string{"a"}, e.Failed)
		assert.Empty(t, p.out)
		assert.Equal(t, map[string]int{"a": 1, "b": 1}, p.live())
	})
}

func TestAHostThatDoesNotServeAfterItsFailureStaysOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, nil)
		ship(t, f)
		p.hook = func(_ context.Context, at targettest.Point) error {
			switch {
			case at.Phase == targettest.Confirm && at.Unit == "a":
				return errBad
			case at.Phase == targettest.Observe && at.Unit == "a" && len(p.memory["a"].History()) > 1:
				p.memory["a"].Sicken("a", "the old one does not start either")
			}
			return nil
		}
		asError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
		assert.Equal(t, map[string]bool{"a": true}, p.out)
	})
}

func TestADeployerThatDiedLeavesNobodyOutOfService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c")
		f := p.fleet(t, nil)
		ship(t, f)
		require.NoError(t, p.memory["a"].Activate(t.Context(), order(2, 2, target.Forward)))
		require.NoError(t, p.Deregister(t.Context(), fleet.Host{Name: "a"})) // died before it registered
		require.NoError(t, p.Deregister(t.Context(), fleet.Host{Name: "b"})) // died before it switched
		require.NoError(t, f.Activate(t.Context(), order(3, 2, target.Forward)))
		assert.Empty(t, p.out)
		assert.Len(t, p.memory["a"].History(), 2, "a is not switched again")
	})
}

func TestAnEndedContextEndsTheHostsUnderWayFastAndCleanly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c")
		f := p.fleet(t, func(c *fleet.Config) { c.Batch = fleet.Number(3) })
		ship(t, f)
		overtaken := errors.New("rolled back by on-call")
		ctx, cancel := context.WithCancelCause(t.Context())
		p.drain = func(ctx context.Context, name string) error {
			if name == "a" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}
		start := time.Now()
		time.AfterFunc(time.Second, func() { cancel(overtaken) })
		e := asError(t, f.Activate(ctx, order(2, 2, target.Forward)))
		require.ErrorIs(t, e, context.Canceled)
		require.ErrorIs(t, e, overtaken)
		assert.Equal(t, time.Second, time.Since(start))
		assert.Equal(t, []string{"a"}, e.New)
		assert.Empty(t, p.out)
	})
}

func TestOneHealthyAnswerIsNotHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a")
		looks := 0
		f := p.fleet(t, func(c *fleet.Config) {
			c.Probes, c.Interval = 3, time.Second
			c.Check = func(_ context.Context, _ fleet.Host, digest string) error {
				if looks++; looks == 3 {
					return errBad
				}
				return nil
			}
		})
		prepare(t, f, 1)
		start := time.Now()
		require.NoError(t, f.Activate(t.Context(), order(1, 1, target.Forward)))
		assert.Equal(t, 6, looks)
		assert.Equal(t, 5*time.Second, time.Since(start))
	})
}

func TestAHostThatNeverConfirmsIsLeftOutAndSaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, func(c *fleet.Config) {
			c.Check = func(context.Context, fleet.Host, string) error { return errBad }
			c.ConfirmLimit, c.Interval = time.Minute, time.Second
		})
		prepare(t, f, 1)
		start := time.Now()
		e := asError(t, f.Activate(t.Context(), order(1, 1, target.Forward)))
		require.ErrorIs(t, e, errBad)
		assert.Equal(t, time.Minute, time.Since(start))
		assert.Equal(t, []string{"a"}, e.New)
		assert.Equal(t, map[string]bool{"a": true}, p.out)
	})
}

func TestAHostThatLeftIsNeitherFailedNorUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b")
		f := p.fleet(t, nil)
		ship(t, f)
		p.drain = func(_ context.Context, name string) error {
			if name == "a" { // b is terminated meanwhile
				p.remove("b")
				p.memory["b"].Cut("b", true)
			}
			return nil
		}
		require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
	})
}

func TestBootingHostsAreToldBeforeMembersAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a")
		var calls []string
		f := p.fleet(t, func(c *fleet.Config) {
			c.Hosts = func(ctx context.Context) ([]fleet.Host, error) {
				calls = append(calls, "list")
				return p.list(ctx)
			}
			c.Declare = func(_ context.Context, o target.Order) error {
				calls = append(calls, "declare "+string(o.Intent))
				return nil
			}
		})
		prepare(t, f, 1)
		calls = nil
		require.NoError(t, f.Activate(t.Context(), order(1, 1, target.Forward)))
		require.NoError(t, f.Activate(t.Context(), order(2, 1, target.Again)))
		require.NoError(t, f.Activate(t.Context(), order(3, 1, target.Backward)))
		assert.Equal(t, []string{"list", "declare again", "list", "declare backward", "list"}, calls)
	})
}

func TestLaw09_AHostThatWasFencedMeanwhileIsNotDrained(t *testing.T) {
	for _, floor := range []int{0, 1} {
		p := newPark("a", "b", "c")
		f := p.fleet(t, func(c *fleet.Config) { c.MinInService = fleet.Number(floor) })
		ship(t, f)
		p.drain = func(ctx context.Context, name string) error {
			_, err := p.memory["b"].Observe(ctx, target.Order{Number: 9})
			return err
		}
		begun := 0
		o := order(2, 2, target.Forward)
		o.Begin = func(context.Context, target.Step) error { begun++; return nil }
		p.calls = nil
		require.ErrorIs(t, f.Activate(t.Context(), o), target.ErrStale)
		assert.Equal(t, []string{"drain a", "register a"}, p.calls)
		assert.Equal(t, 2-floor, begun, "who looks at the whole fleet knows before it asks")
	}
}

func TestAHostThatIsTerminatedWhileItIsSwitchedHasLeft(t *testing.T) {
	p := newPark("a", "b")
	f := p.fleet(t, nil)
	ship(t, f)
	p.hook = func(_ context.Context, at targettest.Point) error {
		if at.Phase == targettest.Switch && at.Unit == "a" {
			p.remove("a")
			p.memory["a"].Cut("a", true)
		}
		return nil
	}
	require.NoError(t, f.Activate(t.Context(), order(2, 2, target.Forward)))
	assert.Equal(t, 2, p.live()["b"])
}
