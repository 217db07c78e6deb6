package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

func TestADeployerThatIsAskedToLeaveEndsItsBatchAndTheNextContinuesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 1
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		after(minute)
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm {
				time.Sleep(5 * time.Second)
			}
			return nil
		})
		second := w.commit(pipeline.Passed)
		after(pipeline.DefaultPoll + 2*time.Second)
		s := status(t, w.outside())
		require.NotNil(t, s.Open)
		asked := time.Now()
		stop()
		assert.Less(t, time.Since(asked), 6*time.Second, "it leaves after the batch under way")
		assert.Equal(t, 1, serving(t, w.fleet)[s.Open.To.Digest], "one batch, and no further")
		c := w.config()
		c.Holder = "the next"
		_, stop = start(t, c)
		defer stop()
		after(time.Second)
		require.NotNil(t, status(t, w.outside()).Deployer)
		assert.Equal(t, "the next", status(t, w.outside()).Deployer.Holder, "the lease was given back")
		after(minute)
		assert.Equal(t, second, status(t, w.outside()).Live.Revision)
	})
}

func TestABatchThatTakesLongerThanTheHandoverIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		after(minute)
		w.onStep(func(ctx context.Context, p targettest.Point) error {
			if p.Phase == targettest.Confirm {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		})
		second := w.commit(pipeline.Passed)
		after(minute)
		asked := time.Now()
		stop()
		assert.InDelta(t, pipeline.DefaultHandover.Seconds(), time.Since(asked).Seconds(), 3)
		w.onStep(nil)
		_, stop = start(t, w.config())
		defer stop()
		after(2 * minute)
		assert.Equal(t, second, status(t, w.outside()).Live.Revision)
	})
}

func TestOfTwoDeployersOneActsAndTheOtherTakesOverWhenItIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		m := &mortal{Store: w.store}
		bury := dies(t, w.config(), m)
		after(time.Second)
		c := w.config()
		c.Holder = "the other"
		_, stop := start(t, c)
		defer stop()
		w.commit(pipeline.Passed)
		after(minute)
		assert.Equal(t, "the dead", status(t, w.outside()).Deployer.Holder)
		m.kill()
		second := w.commit(pipeline.Passed)
		after(minute)
		bury()
		assert.Equal(t, "the other", status(t, w.outside()).Deployer.Holder)
		assert.Equal(t, second, status(t, w.outside()).Live.Revision)
		assert.Len(t, history(t, w.outside()), 2)
	})
}

func TestLaw09_ADeployerThatWasPausedAndWakesUpChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.fleet.Batch = 1
		w.commit(pipeline.Passed)
		_, stop := start(t, w.config())
		after(minute)
		stop()
		paused, wake := make(chan struct{}), make(chan struct{})
		var once atomic.Bool
		w.onStep(func(_ context.Context, p targettest.Point) error {
			if p.Phase == targettest.Switch && p.Unit == "b" && once.CompareAndSwap(false, true) {
				close(paused)
				<-wake // its context may end: it does not look
			}
			return nil
		})
		w.commit(pipeline.Passed)
		m := &mortal{Store: w.store}
		bury := dies(t, w.config(), m)
		<-paused
		m.kill()
		_, stop = start(t, w.config())
		defer stop()
		after(2 * minute)
		first := status(t, w.outside())
		do(t, w.outside(), pipeline.Rollback{Asked: ann, From: first.Live.ID})
		after(minute)
		back := status(t, w.outside())
		require.NotEqual(t, first.Live.ID, back.Live.ID)
		switches := len(w.fleet.History())
		close(wake)
		bury()
		after(time.Second)
		assert.Len(t, w.fleet.History(), switches)
		assert.Equal(t, map[string]int{back.Live.Digest: 2}, serving(t, w.fleet))
		assert.Equal(t, back.Epoch, status(t, w.outside()).Epoch)
	})
}

// flaky is a store that does not answer for a while.
type flaky struct {
	lock.Store
	mu    sync.Mutex
	until time.Time
}

func (f *flaky) down() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Now().Before(f.until) {
		return errors.New("503")
	}
	return nil
}

func (f *flaky) fail(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.until = time.Now().Add(d)
}

func (f *flaky) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if err := f.down(); err != nil {
		return nil, "", err
	}
	return f.Store.Load(ctx, key)
}

func (f *flaky) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if err := f.down(); err != nil {
		return "", err
	}
	return f.Store.Swap(ctx, key, old, data)
}

func TestAStoreThatDoesNotAnswerForAWhileEndsNoDeployer(t *testing.T) {
	for _, outage := range []time.Duration{time.Second, 10 * time.Second, 5 * minute} {
		for wait := range 8 { // the outage meets the deployer at different work
			synctest.Test(t, func(t *testing.T) {
				w := newWorld("a", "b")
				w.fleet.Batch = 1
				w.onStep(func(_ context.Context, p targettest.Point) error {
					time.Sleep(100 * time.Millisecond)
					return nil
				})
				f := &flaky{Store: w.store}
				c := w.config()
				c.Store = f
				w.commit(pipeline.Passed)
				_, stop := start(t, c)
				defer stop()
				time.Sleep(time.Duration(wait) * 150 * time.Millisecond)
				f.fail(outage)
				after(outage + 3*minute)
				second := w.commit(pipeline.Passed)
				after(2 * minute)
				s := status(t, w.outside())
				require.NotNil(t, s.Live, "outage of %s after %d", outage, wait)
				assert.Equal(t, second, s.Live.Revision, "outage of %s after %d", outage, wait)
			})
		}
	}
}

func TestSeveralPipelinesOfAProcessShareOneLeaseAndOneBell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lock.Memory{}
		var engines []*pipeline.Engine
		var worlds []*world
		for i := range 3 {
			w := newWorld("a")
			w.store = store
			c := w.config()
			c.Name, c.Lease = fmt.Sprintf("team/app-%d", i), "leases/team"
			e, err := pipeline.New(c)
			require.NoError(t, err)
			engines, worlds = append(engines, e), append(worlds, w)
			w.commit(pipeline.Passed)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- pipeline.Serve(ctx, engines...) }()
		after(minute)
		var grant uint64
		for i, e := range engines {
			s := status(t, e)
			require.NotNil(t, s.Live)
			require.NotNil(t, s.Deployer)
			assert.True(t, i == 0 || s.Deployer.Epoch == grant, "one lease")
			grant = s.Deployer.Epoch
		}
		do(t, pipeline.Open(store, nil, "team/app-1"), pipeline.PlaceHold{Asked: ann, Scope: lock.Prefix("team/")})
		for _, w := range worlds {
			w.commit(pipeline.Passed)
		}
		after(minute)
		for _, e := range engines {
			assert.Equal(t, pipeline.CodeHeld, status(t, e).Reason.Code, e.Name())
		}
		cancel()
		require.NoError(t, <-done)
	})
}

func TestADamagedPipelineStopsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &lock.Memory{}
		_, err := store.Swap(t.Context(), "pipelines/bad/record", "", []byte("{"))
		require.NoError(t, err)
		var engines []*pipeline.Engine
		var good *world
		for _, name := range []string{"bad", "good"} {
			good = newWorld("a")
			good.store = store
			c := good.config()
			c.Name, c.Lease = name, "leases/team"
			e, err := pipeline.New(c)
			require.NoError(t, err)
			engines = append(engines, e)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- pipeline.Serve(ctx, engines...) }()
		after(minute)
		r := good.commit(pipeline.Passed)
		after(minute)
		assert.Equal(t, r, status(t, engines[1]).Live.Revision)
		cancel()
		<-done
	})
}

func TestASlowObserverLosesEventsAndDelaysNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		e, stop := start(t, w.config())
		ctx, cancel := context.WithCancel(t.Context())
		slow, fast := e.Watch(ctx, 4), e.Watch(ctx, 0)
		w.commit(pipeline.Passed)
		e.Wake()
		after(time.Second)
		require.NotNil(t, status(t, e).Live, "nobody reads, and the deploy goes on")
		var first pipeline.Event
		for event := range slow {
			first = event
			break
		}
		assert.Equal(t, pipeline.EventLost, first.Kind)
		assert.Positive(t, first.Lost)
		var kinds []pipeline.EventKind
		for event := range fast {
			assert.Equal(t, "web", event.Pipeline)
			kinds = append(kinds, event.Kind)
			if event.Kind == pipeline.EventEnded {
				assert.Equal(t, pipeline.Live, event.End)
				require.NotNil(t, event.Ended)
				break
			}
		}
		for _, kind := range []pipeline.EventKind{pipeline.EventBegan, pipeline.EventBuilding, pipeline.EventPrepared, pipeline.EventBatch} {
			assert.Contains(t, kinds, kind)
		}
		cancel()
		stop()
	})
}

func TestWhatRunsAlreadyIsAdoptedAndIsAWayBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		adopted := w.commit(pipeline.Passed)
		a, err := w.builds.Artifact(t.Context(), adopted, io.Discard)
		require.NoError(t, err)
		e, err := pipeline.New(w.config())
		require.NoError(t, err)
		require.ErrorContains(t, e.Adopt(t.Context(), adopted, "ann"), "nothing was ever activated on it")
		o := target.Order{Release: target.Release{ID: "hand", Digest: a.Digest}, Number: 1000}
		require.NoError(t, w.fleet.Prepare(t.Context(), o, a))
		require.NoError(t, w.fleet.Activate(t.Context(), o))
		require.NoError(t, e.Adopt(t.Context(), adopted, "ann"))
		assert.Equal(t, adopted, status(t, e).Live.Revision)
		require.Error(t, e.Adopt(t.Context(), adopted, "ann"), "only a new pipeline adopts")

		_, stop := start(t, w.config())
		defer stop()
		w.commit(pipeline.Passed)
		after(minute)
		do(t, e, pipeline.Rollback{Asked: ann, From: status(t, e).Live.ID})
		after(minute)
		assert.Equal(t, map[string]int{a.Digest: 2}, serving(t, w.fleet))
	})
}

func TestAPlanSaysWhatWouldBeDoneAndDoesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		w.fleet.Batch = 2
		c := w.config()
		c.Stages[0].Before = []pipeline.Hook{{Name: "migrate", Run: func(context.Context, pipeline.Subject) error { panic("ran") }}}
		c.Stages[0].Verify = []pipeline.Check{{Name: "errors", Run: func(context.Context, pipeline.Subject) (pipeline.Outcome, string) { panic("ran") }}}
		first, second := w.commit(pipeline.Passed), w.commit(pipeline.Passed)
		e, err := pipeline.New(c)
		require.NoError(t, err)
		p, err := e.Plan(t.Context())
		require.NoError(t, err)
		assert.True(t, p.Go)
		require.NotNil(t, p.Change)
		assert.Equal(t, second, p.Change.Revision)
		require.Len(t, p.Batch, 2)
		assert.Equal(t, first, p.Batch[1].Revision)
		require.Len(t, p.Stages, 1)
		assert.Equal(t, []string{"migrate"}, p.Stages[0].Hooks)
		assert.Equal(t, []string{"errors"}, p.Stages[0].Checks)
		assert.Equal(t, "fleet", p.Stages[0].Targets[0].Name)
		assert.Empty(t, w.builds.Calls())
		assert.Empty(t, w.fleet.History())
		_, err = e.Status(t.Context())
		assert.ErrorIs(t, err, pipeline.ErrNoPipeline, "nothing was recorded")
	})
}

func TestTheLogOfADeployIsReadWhileItIsOpenAndAfterIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		first := w.commit(pipeline.Passed)
		w.builds.Set(first, buildtest.Script{Log: "compiling main.go\n", Files: map[string]string{"f": "1"}})
		c := w.config()
		c.Stages[0].Bake = 10 * minute
		c.Stages[0].Verify = []pipeline.Check{{Name: "errors", Run: func(_ context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
			fmt.Fprintln(s.Log, "0 errors")
			return pipeline.Good, ""
		}}}
		_, stop := start(t, c)
		defer stop()
		read := func(id string) string {
			l, err := w.outside().Log(t.Context(), id)
			require.NoError(t, err)
			defer l.Close()
			text, err := io.ReadAll(l)
			require.NoError(t, err)
			return string(text)
		}
		after(5 * minute)
		open := status(t, w.outside()).Open
		require.NotNil(t, open)
		assert.Contains(t, read(open.ID), "compiling main.go")
		assert.NotContains(t, read(open.ID), "is live")
		after(10 * minute)
		assert.Contains(t, read(open.ID), "0 errors")
		_, err := w.outside().Log(t.Context(), "77-none")
		assert.ErrorIs(t, err, pipeline.ErrNoDeploy)
	})
}

func TestTheHistoryIsReadFromAnyDeployOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		e, stop := start(t, w.config())
		defer stop()
		const deploys = 12
		var want []string
		for n := range deploys {
			r := w.commit(pipeline.Passed)
			e.Wake()
			after(time.Second)
			want = append([]string{fmt.Sprintf("%d-%s live", n+1, r[:7])}, want...)
		}
		assert.Equal(t, want, history(t, w.outside()))
		var older []string
		for d, err := range w.outside().Deploys(t.Context(), want[4][:len(want[4])-len(" live")]) {
			require.NoError(t, err)
			older = append(older, d.ID+" live")
		}
		assert.Equal(t, want[5:], older)
	})
}

func TestSettleFinishesWhatIsOpenAndGivesTheLeaseBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		first := w.commit(pipeline.Passed)
		e, err := pipeline.New(w.config())
		require.NoError(t, err)
		require.NoError(t, e.Settle(t.Context()))
		s := status(t, e)
		assert.Equal(t, first, s.Live.Revision)
		assert.Nil(t, s.Deployer)
		w.commit(pipeline.Passed)
		require.NoError(t, e.Settle(t.Context()))
		do(t, w.outside(), pipeline.Rollback{Asked: ann, From: status(t, e).Live.ID})
		require.NoError(t, e.Settle(t.Context()))
		assert.Equal(t, map[string]int{s.Live.Digest: 1}, serving(t, w.fleet))
	})
}
