package pipeline_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target/targettest"
)

func TestLaw02_AChangeWhoseWebhookIsLostIsFoundByThePoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		_, stop := start(t, w.config())
		defer stop()
		for range 5 {
			r := w.commit(pipeline.Pending)
			after(minute)
			w.judge(r, pipeline.Passed)
			after(pipeline.DefaultPoll + time.Second)
			assert.Equal(t, r, status(t, w.outside()).Live.Revision)
		}
		assert.Len(t, history(t, w.outside()), 5, "none is deployed twice")
	})
}

func TestLaw02_AHoldForAWeekLosesNothingAndShipsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		after(minute)
		hold := do(t, w.outside(), pipeline.PlaceHold{Asked: ann})
		w.commit(pipeline.Passed)
		after(10 * minute)
		assert.Equal(t, pipeline.CodeHeld, status(t, w.outside()).Reason.Code)
		stop()
		head := w.commit(pipeline.Passed)
		time.Sleep(7 * 24 * time.Hour) // nobody runs
		_, stop = start(t, w.config())
		defer stop()
		after(minute)
		s := status(t, w.outside())
		assert.NotEqual(t, head, s.Live.Revision)
		assert.Equal(t, `held by ann: "errors"`, s.Reason.Sentence)
		do(t, w.outside(), pipeline.LiftHold{Asked: ann, Hold: hold})
		after(2 * time.Second)
		assert.Equal(t, head, status(t, w.outside()).Live.Revision)
		assert.Len(t, history(t, w.outside()), 2, "the two changes went out in one deploy")
	})
}

func TestLaw07_ARollbackBuildsAndUploadsNothingAndGoesPastAHold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		var prepared atomic.Int64
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Prepare {
				prepared.Add(1)
			}
			return nil
		})
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		w.commit(pipeline.Passed)
		after(minute)
		do(t, w.outside(), pipeline.PlaceHold{Asked: ann})
		builds, uploads := len(w.builds.Calls()), prepared.Load()
		do(t, w.outside(), pipeline.Rollback{Asked: ann, From: status(t, w.outside()).Live.ID})
		after(2 * time.Second)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		assert.Nil(t, s.Open, "%s", s.Reason.Sentence)
		assert.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet))
		assert.Len(t, w.builds.Calls(), builds, "it built")
		assert.Equal(t, uploads, prepared.Load(), "it uploaded")
	})
}

func TestLaw07_AHoldOnEverythingStopsARollbackToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		second := w.commit(pipeline.Passed)
		after(minute)
		bad := status(t, w.outside()).Live
		require.Equal(t, second, bad.Revision)
		hold := do(t, w.outside(), pipeline.PlaceHold{Asked: ann, Level: "everything"})
		do(t, w.outside(), pipeline.Rollback{Asked: ann, From: bad.ID})
		after(10 * minute)
		s := status(t, w.outside())
		require.NotNil(t, s.Open)
		assert.Equal(t, pipeline.CodeHeld, s.Reason.Code)
		assert.Equal(t, map[string]int{bad.Digest: 2}, serving(t, w.fleet))
		do(t, w.outside(), pipeline.LiftHold{Asked: ann, Hold: hold})
		after(2 * time.Second)
		assert.Equal(t, map[string]int{s.Live.Digest: 2}, serving(t, w.fleet))
	})
}

func TestLaw08_DriftedAndJoinedUnitsAreBroughtBackWhileStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		w.commit(pipeline.Passed)
		after(minute)
		bad := status(t, w.outside()).Live
		do(t, w.outside(), pipeline.Rollback{Asked: ann, From: bad.ID})
		do(t, w.outside(), pipeline.PlaceHold{Asked: ann})
		after(minute)
		s := status(t, w.outside())
		require.NotNil(t, s.Stop)
		w.fleet.Drift("b", bad.Digest)
		w.fleet.Join("d")
		after(pipeline.DefaultConverge + time.Second)
		assert.Equal(t, map[string]int{s.Live.Digest: 4}, serving(t, w.fleet))
		assert.Equal(t, s.Stop, status(t, w.outside()).Stop)
	})
}

func TestLaw08_AUnitThatWasAwayIsBroughtBackWhenItAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Budget = 1
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		w.fleet.Cut("b", true)
		second := w.commit(pipeline.Passed)
		after(2 * minute)
		s := status(t, w.outside())
		assert.Equal(t, second, s.Live.Revision)
		require.Len(t, s.Observed["fleet"].Off, 1)
		assert.Equal(t, "b", s.Observed["fleet"].Off[0].Name)
		w.fleet.Cut("b", false)
		after(pipeline.DefaultConverge + time.Second)
		assert.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet))
		assert.Empty(t, status(t, w.outside()).Observed["fleet"].Off)
	})
}

// killed deploys a second change by a deployer that dies at its n-th swap, lets
// another finish, and reports whether the first died.
func killed(t *testing.T, n int, written bool, failing bool) (died bool) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 1
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		after(minute)
		stop()
		second := w.commit(pipeline.Passed)
		if failing {
			w.onStep(refusesAt("c", second, w))
		}
		m := &mortal{Store: w.store, left: n, written: written}
		bury := dies(t, w.config(), m)
		after(12 * time.Second)
		died = m.isDead()
		m.kill()
		bury()
		_, stop = start(t, w.config())
		defer stop()
		after(2 * minute)
		s := status(t, w.outside())
		expected := second
		if failing {
			expected = first
		}
		require.Nil(t, s.Open, "swap %d: %s", n, s.Reason.Sentence)
		require.Equal(t, expected, s.Live.Revision, "swap %d: %v", n, history(t, w.outside()))
		require.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet), "swap %d", n)
		require.Equal(t, failing, s.Stop != nil, "swap %d", n)
		lived := 0
		for id, d := range ended(t, w.outside()) {
			require.NotEmpty(t, d.End, id)
			if d.To.Revision == second && d.End == pipeline.Live {
				lived++
			}
		}
		require.Equal(t, !failing, lived == 1, "swap %d: %v", n, history(t, w.outside()))
	})
	return died
}

// refusesAt makes a unit fail when it is to confirm any release but the first.
func refusesAt(unit, _ string, w *world) targettest.Hook {
	first, _ := w.fleet.Pointer()
	return func(_ context.Context, p targettest.Point) error {
		if p.Phase == targettest.Confirm && p.Unit == unit && p.Order.Release.Digest != first {
			return fmt.Errorf("%s answers 500", unit)
		}
		return nil
	}
}

func TestLaw10_ADeployKilledAtAnySwapIsFinishedByTheNextDeployer(t *testing.T) {
	for _, written := range []bool{false, true} {
		n := 1
		for ; killed(t, n, written, false); n++ {
			require.Less(t, n, 200)
		}
		t.Logf("killed at %d swaps, the last one written: %v", n-1, written)
		assert.Greater(t, n, 10)
	}
}

func TestLaw10_ARollbackKilledAtAnySwapIsFinishedByTheNextDeployer(t *testing.T) {
	for _, written := range []bool{false, true} {
		n := 1
		for ; killed(t, n, written, true); n++ {
			require.Less(t, n, 200)
		}
		t.Logf("killed at %d swaps, the last one written: %v", n-1, written)
		assert.Greater(t, n, 14)
	}
}

func TestLaw11_AHoldPlacedBetweenTwoBatchesPausesTheDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 1
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		old := status(t, w.outside()).Live.Digest
		var hold string
		place := onHook(func() { hold = do(t, w.outside(), pipeline.PlaceHold{Asked: ann}) })
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm && p.Unit == "a" {
				place()
			}
			return nil
		})
		second := w.commit(pipeline.Passed)
		after(10 * minute)
		s := status(t, w.outside())
		require.NotNil(t, s.Open, "%v", history(t, w.outside()))
		assert.Equal(t, map[string]int{old: 2, s.Open.To.Digest: 1}, serving(t, w.fleet))
		assert.Equal(t, pipeline.CodeHeld, s.Reason.Code)
		assert.Contains(t, s.Reason.Sentence, `held by ann: "errors"`)
		do(t, w.outside(), pipeline.LiftHold{Asked: ann, Hold: hold})
		after(2 * time.Second)
		s = status(t, w.outside())
		require.Equal(t, second, s.Live.Revision)
		assert.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet))
	})
}

func TestLaw11_AVerdictThatTurnsRedBetweenTwoBatchesRollsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 1
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		second := w.commit(pipeline.Passed)
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm && p.Unit == "a" {
				w.judge(second, pipeline.Failed)
			}
			return nil
		})
		after(minute)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		assert.Nil(t, s.Open)
		require.NotNil(t, s.Stop)
		assert.Equal(t, "CI's verdict turned red", s.Stop.Reason)
		assert.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet))
		for _, c := range w.fleet.History() {
			assert.False(t, c.Unit != "a" && c.From == s.Live.Digest, "%+v: a batch began after the verdict turned red", c)
		}
	})
}

func TestLaw11_AVerdictThatTurnsRedBeforeTheFirstBatchDropsTheDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		second := w.commit(pipeline.Passed)
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Prepare {
				w.judge(second, pipeline.Failed)
			}
			return nil
		})
		after(minute)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		assert.Nil(t, s.Stop, "nothing was switched")
		assert.Equal(t, pipeline.FailedEnd, ended(t, w.outside())["2-"+second[:7]].End)
	})
}

func TestLaw12_WhatCannotBeReadBackCountsAgainstTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 1
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm && p.Unit == "b" && p.Order.Intent == "forward" {
				w.fleet.Cut("b", true)
			}
			return nil
		})
		w.commit(pipeline.Passed)
		after(5 * minute)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		require.NotNil(t, s.Stop)
		require.NotEmpty(t, s.Observed["fleet"].Off)
		w.fleet.Cut("b", false)
		after(2 * minute)
		assert.Equal(t, map[string]int{s.Live.Digest: 3}, serving(t, w.fleet))
	})
}

func TestLaw12_AUnitThatServesSomethingElseAfterActivationFailsTheDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		first := w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		defer stop()
		after(minute)
		old := status(t, w.outside()).Live.Digest
		var phases []string
		drift := onHook(func() { w.fleet.Drift("b", old) })
		w.onStep(func(_ context.Context, p targettest.Point) error {
			phases = append(phases, string(p.Phase))
			if p.Phase == targettest.Observe && p.Order.Number == 0 && slices.Contains(phases, "confirm") {
				drift() // the target said that it serves; the unit says otherwise
			}
			return nil
		})
		w.commit(pipeline.Passed)
		after(minute)
		s := status(t, w.outside())
		assert.Equal(t, first, s.Live.Revision)
		require.NotNil(t, s.Stop)
		assert.Contains(t, s.Stop.Reason, "first b (it serves another release)")
	})
}
