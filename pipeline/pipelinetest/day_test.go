package pipelinetest_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/pipeline"
)

// TestVirtualDay is a day of a busy team: a hundred changes, verdicts that overtake
// each other, some freezes, and one change that breaks production.
func TestVirtualDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(2)
		defer w.end()
		w.tune = func(c *pipeline.Config) {
			c.Poll, c.Converge, c.LeaseDuration = 15*time.Second, 2*time.Minute, time.Minute
		}
		d := w.deploy()
		var pushed []string
		broken := ""
		for i := range 100 {
			revision := w.pushed(i%17 == 5)
			pushed = append(pushed, revision)
			switch i {
			case 20, 70:
				w.freeze(25 * time.Minute)
			case 50:
				broken = revision
				w.mu.Lock()
				w.bad[revision] = true
				w.mu.Unlock()
				time.Sleep(45 * time.Minute) // it goes out, and comes back
				pushed = append(pushed, w.repair(t, broken))
			}
			time.Sleep(time.Duration(1+w.random.IntN(9)) * time.Minute)
		}
		time.Sleep(time.Hour)

		live := w.store.last().Live
		require.NotNil(t, live)
		require.Empty(t, checkLaws(w))
		require.Empty(t, w.checkQuiet())
		waits := w.waits(t, pushed, broken)
		p95 := waits[len(waits)*95/100]
		t.Logf("%d green changes went live: from green to live p50 %s, p95 %s, longest %s", len(waits),
			waits[len(waits)/2].Round(time.Second), p95.Round(time.Second), waits[len(waits)-1].Round(time.Second))
		require.Less(t, waits[len(waits)/2], time.Minute, "a change goes live as soon as it may")
		require.Less(t, p95, 45*time.Minute, "only freezes and the rollback make a change wait")
		reason, err := d.engine.Explain(context.Background(), pushed[len(pushed)-1])
		require.NoError(t, err)
		require.Contains(t, []pipeline.Code{pipeline.CodeLive, pipeline.CodeFailed}, reason.Code)
	})
}

// pushed pushes a change whose verdict comes in five to fifteen minutes.
func (w *world) pushed(red bool) string {
	revision := w.branch.push(w.branch.tip())
	w.builds.Set(revision, buildtest.Script{
		Files: map[string]string{"REVISION": revision}, Delay: time.Duration(20+w.random.IntN(60)) * time.Second,
	})
	w.mu.Lock()
	w.artifact[buildDigest(revision)] = append(w.artifact[buildDigest(revision)], revision)
	w.mu.Unlock()
	verdict := pipeline.Passed
	if red {
		verdict = pipeline.Failed
	}
	wait := 5*time.Minute + time.Duration(w.random.Int64N(int64(10*time.Minute)))
	w.wait.Go(func() {
		time.Sleep(wait)
		w.judge(revision, verdict)
	})
	return revision
}

// freeze holds the pipeline for a while.
func (w *world) freeze(d time.Duration) {
	until := time.Now().Add(d)
	w.ask(func(a pipeline.Asked) pipeline.Request { return pipeline.PlaceHold{Asked: a, Until: until} })
}

// repair is what people do after a rollback: they push a fix and resume from it.
func (w *world) repair(t *testing.T, broken string) string {
	r := w.store.last()
	require.NotNil(t, r.Stop, "the check stopped the pipeline")
	require.True(t, slices.ContainsFunc(r.Excluded, func(e pipeline.Excluded) bool { return e.Revision == broken }))
	require.True(t, w.converged(r), "production is back on what was live before")
	fix := w.pushed(false)
	w.ask(func(a pipeline.Asked) pipeline.Request {
		return pipeline.Resume{Asked: a, Stop: r.Stop.ID, From: fix}
	})
	return fix
}

// waits returns how long each green change waited to go live, shortest first, and
// fails when one never did.
func (w *world) waits(t *testing.T, pushed []string, broken string) (waits []time.Duration) {
	var shipped []pipeline.Deploy // oldest first
	for d, err := range w.operator.Deploys(context.Background(), "") {
		require.NoError(t, err)
		if d.End == pipeline.Live || d.End == pipeline.Unchanged {
			shipped = append([]pipeline.Deploy{d}, shipped...)
		}
	}
	for _, revision := range pushed {
		green, ok := w.branch.greenSince(revision)
		if !ok || revision == broken {
			continue
		}
		i := slices.IndexFunc(shipped, func(d pipeline.Deploy) bool { return w.branch.descends(revision, d.To.Revision) })
		require.GreaterOrEqual(t, i, 0, "%s is lost", name(revision))
		waits = append(waits, max(0, shipped[i].Ended.Sub(green))) // or it went out before, with a newer one
	}
	slices.Sort(waits)
	return waits
}
