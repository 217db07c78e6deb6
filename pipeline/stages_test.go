package pipeline_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	_ "time/tzdata" // a machine without zones skips nothing

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// counting is a hook that counts its runs.
func counting(runs *atomic.Int64, repeatable bool) pipeline.Hook {
	return pipeline.Hook{Name: "migrate", Repeatable: repeatable, Run: func(context.Context, pipeline.Subject) error {
		runs.Add(1)
		return nil
	}}
}

func TestAHookRunsOncePerReleaseBeforeAnyUnitIsSwitched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		var runs atomic.Int64
		c := w.config()
		c.Stages[0].Before = []pipeline.Hook{{Name: "migrate", Run: func(_ context.Context, s pipeline.Subject) error {
			runs.Add(1)
			assert.NotContains(t, serving(t, w.fleet), s.Release.Digest)
			assert.Equal(t, "web", s.Pipeline)
			assert.Equal(t, "production", s.Stage)
			assert.Equal(t, s.Release.Digest, s.Artifact.Digest)
			assert.Equal(t, runs.Load() == 1, s.Previous == nil)
			return nil
		}}}
		_, stop := start(t, c)
		w.commit(pipeline.Passed)
		after(minute)
		w.commit(pipeline.Passed)
		after(minute)
		w.fleet.Drift("a", "elsewhere")
		after(2 * minute)
		stop()
		_, stop = start(t, c)
		defer stop()
		after(2 * minute)
		assert.Equal(t, int64(2), runs.Load(), "two releases; convergence and a restart run none")
	})
}

func TestAHookThatFailsEndsTheDeployAndParksTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		c := w.config()
		c.Stages[0].Before = []pipeline.Hook{{Name: "migrate", Run: func(context.Context, pipeline.Subject) error {
			return errors.New("column exists")
		}}}
		_, stop := start(t, c)
		defer stop()
		w.commit(pipeline.Passed)
		after(10 * minute)
		s := status(t, w.outside())
		assert.Nil(t, s.Live)
		assert.Nil(t, s.Stop, "nothing was switched")
		assert.Len(t, history(t, w.outside()), 1, "it is not tried again")
		assert.Contains(t, s.Reason.Sentence, "hook migrate: column exists")
	})
}

// cutOff lets a deployer die while a hook runs, and returns what comes after it.
func cutOff(t *testing.T, w *world, repeatable bool) (runs *atomic.Int64, stop func()) {
	runs = &atomic.Int64{}
	m := &mortal{Store: w.store}
	c := w.config()
	hook := counting(runs, repeatable)
	c.Stages[0].Before = []pipeline.Hook{{Name: hook.Name, Repeatable: repeatable, Run: func(ctx context.Context, s pipeline.Subject) error {
		m.kill()
		return hook.Run(ctx, s)
	}}}
	w.commit(pipeline.Passed)
	bury := dies(t, c, m)
	after(10 * time.Second)
	bury()
	c.Stages[0].Before = []pipeline.Hook{hook}
	_, stop = start(t, c)
	after(2 * minute)
	return runs, stop
}

func TestAHookThatWasCutOffRunsAgainOnlyWhenAPersonSaysSo(t *testing.T) {
	for _, done := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld("a")
			runs, stop := cutOff(t, w, false)
			defer stop()
			s := status(t, w.outside())
			require.NotNil(t, s.Open)
			assert.Equal(t, pipeline.CodeWaiting, s.Reason.Code)
			assert.Contains(t, s.Reason.Sentence, `waits for an answer: its hook "migrate" was begun`)
			assert.Equal(t, int64(1), runs.Load())
			do(t, w.outside(), pipeline.Answer{Asked: ann, Deploy: s.Open.ID, Hook: "migrate", Done: done})
			after(2 * time.Second)
			assert.NotNil(t, status(t, w.outside()).Live)
			assert.Equal(t, map[bool]int64{true: 1, false: 2}[done], runs.Load())
		})
	}
}

func TestARepeatableHookThatWasCutOffRunsAgainByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		runs, stop := cutOff(t, w, true)
		defer stop()
		assert.NotNil(t, status(t, w.outside()).Live)
		assert.Equal(t, int64(2), runs.Load())
	})
}

func TestStagesFollowEachOtherAndTheSecondWaitsForTheFirstToBake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		pre := targettest.NewMemory("pre", "x")
		c := w.config()
		var asks atomic.Int64
		c.Stages = []pipeline.Stage{{Name: "pre", Targets: []target.Target{pre}, Bake: 5 * minute,
			Verify: []pipeline.Check{{Name: "errors", Run: func(context.Context, pipeline.Subject) (pipeline.Outcome, string) {
				asks.Add(1)
				return pipeline.Good, "fine"
			}}}}, c.Stages[0]}
		first := w.commit(pipeline.Passed)
		_, stop := start(t, c)
		defer stop()
		after(4 * minute)
		assert.Equal(t, map[string]int{"vacant": 1}, serving(t, w.fleet))
		s := status(t, w.outside())
		assert.Contains(t, s.Reason.Sentence, "is watched in pre for 5m0s")
		after(minute + time.Second)
		assert.Equal(t, first, status(t, w.outside()).Live.Revision)
		assert.Greater(t, asks.Load(), int64(25), "the check is asked all through")
	})
}

// baking deploys a first change and then a second whose check says what judge says
// after so long.
func baking(t *testing.T, after2 func(since time.Duration) pipeline.Outcome, f func(*world, pipeline.Config)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		first := w.commit(pipeline.Passed)
		began := time.Now()
		c := w.config()
		c.Stages[0].Bake, c.Stages[0].Limit = 2*minute, 5*minute
		c.Stages[0].Verify = []pipeline.Check{{Name: "errors", Run: func(_ context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
			if s.Release.Revision == first {
				return pipeline.Good, ""
			}
			return after2(time.Since(began)), "3% of requests fail"
		}}}
		_, stop := start(t, c)
		defer stop()
		after(3 * minute)
		require.NotNil(t, status(t, w.outside()).Live)
		began = time.Now()
		w.commit(pipeline.Passed)
		f(w, c)
		after(10 * minute)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		require.NotNil(t, s.Stop)
		assert.Contains(t, s.Stop.Reason, "3% of requests fail")
		assert.Equal(t, map[string]int{s.Live.Digest: 2}, serving(t, w.fleet))
	})
}

func TestACheckThatTurnsBadWhileBakingRollsBackAlsoUnderAHold(t *testing.T) {
	baking(t, func(since time.Duration) pipeline.Outcome {
		if since > 90*time.Second {
			return pipeline.Bad
		}
		return pipeline.Good
	}, func(w *world, _ pipeline.Config) {
		time.Sleep(minute)
		_, err := w.outside().Do(context.Background(), pipeline.PlaceHold{Asked: ann})
		if err != nil {
			panic(err)
		}
	})
}

func TestACheckThatCannotTellUntilTheLimitRollsBack(t *testing.T) {
	baking(t, func(time.Duration) pipeline.Outcome { return pipeline.CannotTell }, func(*world, pipeline.Config) {})
}

func TestAnOpenDeployYieldsToANewerChangeThatIsBuiltBeforeItsFirstBatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		slow := w.commit(pipeline.Passed)
		w.builds.Set(slow, buildtest.Script{Delay: 10 * minute, Files: map[string]string{"f": "slow"}})
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		require.NotNil(t, status(t, w.outside()).Open)
		fast := w.commit(pipeline.Passed)
		after(minute)
		assert.Equal(t, fast, status(t, w.outside()).Live.Revision)
		assert.Equal(t, pipeline.Superseded, ended(t, w.outside())["1-"+slow[:7]].End)
		assert.Equal(t, []string{fast, slow}, ended(t, w.outside())["2-"+fast[:7]].Batch)
	})
}

func TestADeployWhoseBatchBeganIsFinishedBeforeANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		first := w.commit(pipeline.Passed)
		commit := onHook(func() { w.commit(pipeline.Passed) })
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm {
				commit()
				time.Sleep(minute)
			}
			return nil
		})
		_, stop := start(t, w.config())
		defer stop()
		after(30 * minute)
		d := ended(t, w.outside())
		assert.Equal(t, pipeline.Live, d["1-"+first[:7]].End)
		assert.Len(t, d, 2)
	})
}

func TestAnAbortBeforeAnythingWasSwitchedDropsTheDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		slow := w.commit(pipeline.Passed)
		w.builds.Set(slow, buildtest.Script{Delay: 10 * minute, Files: map[string]string{"f": "slow"}})
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		do(t, w.outside(), pipeline.Abort{Asked: ann, Deploy: status(t, w.outside()).Open.ID})
		after(time.Second)
		s := status(t, w.outside())
		assert.Nil(t, s.Open)
		assert.Nil(t, s.Stop)
		assert.Equal(t, pipeline.CodeParked, s.Reason.Code, "automation does not try it again: %s", s.Reason.Sentence)
		assert.Equal(t, pipeline.Aborted, ended(t, w.outside())["1-"+slow[:7]].End)
	})
}

func TestAnAbortAfterAUnitWasSwitchedIsARollback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		abort := onHook(func() { do(t, w.outside(), pipeline.Abort{Asked: ann, Deploy: status(t, w.outside()).Open.ID}) })
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm && p.Unit == "a" {
				abort()
			}
			return nil
		})
		w.commit(pipeline.Passed)
		after(minute)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		require.NotNil(t, s.Stop)
		assert.Equal(t, "aborted by ann: errors", s.Stop.Reason)
		assert.Equal(t, map[string]int{s.Live.Digest: 2}, serving(t, w.fleet))
	})
}

// halting is a target of which the first unit fails to be switched, which its budget
// forgives, but for its place behind a balancer. Then it calls halt.
type halting struct {
	*targettest.Memory
	halt  func() // nil: all is well
	again int    // orders to converge since
}

func (h *halting) Activate(ctx context.Context, o target.Order) error {
	switch {
	case h.halt == nil:
	case o.Intent == target.Again:
		h.again++
	default:
		if err := o.Begin(ctx, target.Step{Batch: 1, Batches: 2, Units: []string{"a"}}); err != nil {
			return err
		}
		h.halt()
		return o.Begin(ctx, target.Step{Batch: 2, Batches: 2, Units: []string{"b"}})
	}
	return h.Memory.Activate(ctx, o)
}

func TestADeployThatIsDroppedAfterItBeganPutsAllUnitsBackIntoService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		h := &halting{Memory: w.fleet}
		c := w.config()
		c.Stages[0].Targets = []target.Target{h}
		first := w.commit(pipeline.Passed)
		_, stop := start(t, c)
		defer stop()
		after(minute)
		h.halt = func() { do(t, w.outside(), pipeline.Abort{Asked: ann, Deploy: status(t, w.outside()).Open.ID}) }
		second := w.commit(pipeline.Passed)
		after(minute)
		assert.Equal(t, pipeline.Aborted, ended(t, w.outside())["2-"+second[:7]].End)
		assert.Equal(t, first, status(t, w.outside()).Live.Revision)
		assert.Equal(t, 1, h.again, "that a unit gets no requests cannot be read from it")
	})
}

// freeze holds from 18 to 8 o'clock in a zone.
func freeze(zone *time.Location) pipeline.Policy {
	return func(_ context.Context, now time.Time) ([]lock.Hold, error) {
		local := now.In(zone)
		evening := time.Date(local.Year(), local.Month(), local.Day(), 18, 0, 0, 0, zone)
		if local.Hour() < 8 {
			evening = evening.AddDate(0, 0, -1)
		}
		morning := time.Date(evening.Year(), evening.Month(), evening.Day()+1, 8, 0, 0, 0, zone)
		return []lock.Hold{{By: "calendar", Reason: "nobody is awake", Since: evening, Until: morning}}, nil
	}
}

func TestAFreezeInANamedZonePreventsADeployUntilItEnds(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a") // time begins at midnight UTC, one o'clock in Berlin
		c := w.config()
		c.Policies = []pipeline.Policy{freeze(berlin)}
		e, stop := start(t, c)
		defer stop()
		first := w.commit(pipeline.Passed)
		after(time.Until(time.Date(2000, 1, 1, 6, 59, 59, 0, time.UTC)))
		s := status(t, e)
		assert.Nil(t, s.Live)
		assert.Equal(t, pipeline.CodeHeld, s.Reason.Code)
		assert.Contains(t, s.Reason.Sentence, `held by calendar: "nobody is awake" until`)
		assert.Contains(t, s.Reason.Sentence, "08:00 CET")
		assert.Equal(t, s.Reason.Sentence, status(t, w.outside()).Reason.Sentence, "told also where no calendar is known")
		after(2 * time.Second)
		assert.Equal(t, first, status(t, w.outside()).Live.Revision, "the freeze ends by itself, to the second")
	})
}

func TestACalendarThatCannotBeReadIsAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		c := w.config()
		c.Policies = []pipeline.Policy{func(context.Context, time.Time) ([]lock.Hold, error) { return nil, errors.New("404") }}
		e, stop := start(t, c)
		defer stop()
		w.commit(pipeline.Passed)
		after(minute)
		assert.Contains(t, status(t, e).Reason.Sentence, "the calendar cannot be read: 404")
	})
}

func TestAManualDeployGoesPastTheHoldsThatItNamesAndIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		e, stop := start(t, w.config())
		defer stop()
		w.commit(pipeline.Passed)
		after(minute)
		hold := do(t, e, pipeline.PlaceHold{Asked: ann})
		unjudged := w.commit(pipeline.Pending)
		do(t, e, pipeline.Ship{Asked: ann, Revision: unjudged[:10]})
		after(minute)
		assert.Equal(t, pipeline.CodeHeld, status(t, e).Reason.Code, "a hold that is not named stops it")
		do(t, e, pipeline.Ship{Asked: ann, Revision: unjudged[:10], Holds: []string{hold}, Unjudged: true})
		after(2 * time.Second)
		assert.Equal(t, unjudged, status(t, e).Live.Revision)
		var last pipeline.Deploy
		for _, d := range ended(t, e) {
			if d.End == pipeline.Live && d.To.Revision == unjudged {
				last = d
			}
		}
		assert.Equal(t, "ann", last.By)
		assert.Equal(t, "errors", last.Reason)
		assert.Equal(t, pipeline.Override{Holds: []string{hold}, Unjudged: true}, last.Override)
		assert.Len(t, status(t, e).Holds, 1, "the hold stays")
	})
}

func TestAnArtifactThatIsLiveAlreadyTouchesNoUnit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		first := w.commit(pipeline.Passed)
		w.builds.Set(first, buildtest.Script{Files: map[string]string{"f": "same"}})
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		touched := len(w.fleet.History())
		second := w.commit(pipeline.Passed)
		w.builds.Set(second, buildtest.Script{Files: map[string]string{"f": "same"}})
		after(minute)
		assert.Equal(t, second, status(t, w.outside()).Live.Revision)
		assert.Equal(t, pipeline.Unchanged, ended(t, w.outside())["2-"+second[:7]].End)
		assert.Len(t, w.fleet.History(), touched)
	})
}

func TestAFailedBuildIsParkedAndAnOlderChangeIsShipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		old := w.commit(pipeline.Passed)
		bad := w.commit(pipeline.Passed)
		w.builds.Set(bad, buildtest.Script{Err: errors.New("undefined: foo"), Log: "compiling\n"})
		e, stop := start(t, w.config())
		defer stop()
		after(minute)
		assert.Equal(t, old, status(t, e).Live.Revision)
		why, err := e.Explain(context.Background(), bad)
		require.NoError(t, err)
		assert.Equal(t, pipeline.CodeParked, why.Code)
		assert.Contains(t, why.Sentence, "undefined: foo")
		assert.Equal(t, pipeline.FailedEnd, ended(t, e)["1-"+bad[:7]].End)
	})
}

func TestAFirstDeployThatFailsEndsFailedAndStopsWithItsUnitsListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm && p.Unit == "b" {
				return errors.New("answers 500")
			}
			return nil
		})
		first := w.commit(pipeline.Passed)
		e, stop := start(t, w.config())
		defer stop()
		after(minute)
		s := status(t, e)
		require.NotNil(t, s.Stop)
		assert.Equal(t, pipeline.StopFailed, s.Stop.Kind)
		d := ended(t, e)["1-"+first[:7]]
		assert.Equal(t, pipeline.FailedEnd, d.End)
		assert.Contains(t, d.Why, "answers 500")
		assert.NotEmpty(t, d.Failed, "the units that are not on the release are listed")
	})
}
