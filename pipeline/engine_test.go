package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// world is a branch, a CI and a target in memory, and the documents that a
// deployer keeps of them.
type world struct {
	mu       sync.Mutex
	line     []string // oldest first
	verdicts map[string]pipeline.Verdict

	store  *lock.Memory
	logs   build.Store
	builds *buildtest.Builds
	fleet  *targettest.Memory
	hook   atomic.Pointer[targettest.Hook]
}

func newWorld(units ...string) *world {
	w := &world{
		verdicts: map[string]pipeline.Verdict{}, store: &lock.Memory{}, logs: &build.MemoryStore{},
		builds: &buildtest.Builds{}, fleet: targettest.NewMemory("fleet", units...),
	}
	w.fleet.Hook = w.step
	return w
}

// onStep sets the hook of the fleet, also while a deployer works.
func (w *world) onStep(h targettest.Hook) { w.hook.Store(&h) }

func (w *world) step(ctx context.Context, p targettest.Point) error {
	if h := w.hook.Load(); h != nil && *h != nil {
		return (*h)(ctx, p)
	}
	return nil
}

// commit adds a change with a verdict and returns its revision.
func (w *world) commit(v pipeline.Verdict) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	revision := fmt.Sprintf("%040x", 0xabc0000+len(w.line)+1)
	revision = revision[33:] + revision[:33] // tell them apart by their first seven characters
	w.line = append(w.line, revision)
	w.verdicts[revision] = v
	return revision
}

func (w *world) judge(revision string, v pipeline.Verdict) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.verdicts[revision] = v
}

func (w *world) Changes(_ context.Context, to string) ([]pipeline.Change, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var changes []pipeline.Change
	for i := len(w.line) - 1; i >= 0; i-- {
		changes = append(changes, pipeline.Change{Revision: w.line[i], Subject: fmt.Sprintf("change %d", i+1)})
		if w.line[i] == to {
			return changes, nil
		}
	}
	if to != "" {
		return nil, fmt.Errorf("%s: %w", to, pipeline.ErrNotOnBranch)
	}
	return changes, nil
}

func (w *world) IsAncestor(_ context.Context, ancestor, descendant string) (bool, error) {
	return false, pipeline.ErrNotOnBranch
}

func (w *world) Verdicts(_ context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	verdicts := map[string]pipeline.Verdict{}
	for _, r := range revisions {
		verdicts[r] = w.verdicts[r]
	}
	return verdicts, nil
}

func (w *world) config() pipeline.Config {
	return pipeline.Config{
		Name: "web", Source: w, CI: w, Builds: w.builds, Store: w.store, Logs: w.logs, Holder: "test",
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{w.fleet}}},
	}
}

// start runs an engine until the returned function is called.
func start(t *testing.T, c pipeline.Config) (*pipeline.Engine, func()) {
	t.Helper()
	e, err := pipeline.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	return e, func() {
		cancel()
		require.NoError(t, <-done)
	}
}

// after lets virtual time pass.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func status(t *testing.T, p pipeline.Pipeline) pipeline.Status {
	t.Helper()
	s, err := p.Status(context.Background())
	require.NoError(t, err)
	return s
}

func history(t *testing.T, p pipeline.Pipeline) []string {
	t.Helper()
	var lines []string
	for d, err := range p.Deploys(context.Background(), "") {
		require.NoError(t, err)
		lines = append(lines, fmt.Sprintf("%s %s", d.ID, d.End))
	}
	return lines
}

func TestAVerdictThatIsToldIsActedOnBeforeTheNextPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var told ci.Manual
		var engines []*pipeline.Engine
		var revision string // the same one in both
		for range 2 {
			w := newWorld("a")
			revision = w.commit(pipeline.Pending)
			c := w.config()
			c.CI, c.Poll = &told, time.Hour
			e, stop := start(t, c)
			defer stop()
			engines = append(engines, e)
		}
		after(time.Minute)
		for _, e := range engines {
			assert.Equal(t, pipeline.CodePending, status(t, e).Reason.Code)
		}
		told.Set(revision, pipeline.Passed)
		after(time.Second)
		for _, e := range engines {
			assert.NotNil(t, status(t, e).Live, "each of the two that ask one CI")
		}
	})
}

// eager is a CI that sets to work when it is asked for verdicts.
type eager struct {
	pipeline.CI
	asked int
}

func (c *eager) Verdicts(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	c.asked++
	return c.CI.Verdicts(ctx, revisions)
}

func (c *eager) Recall(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	return c.CI.Verdicts(ctx, revisions)
}

func TestWhoLooksSetsNoCIToWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.commit(pipeline.Passed)
		c := w.config()
		ci := &eager{CI: c.CI}
		c.CI = ci
		_, stop := start(t, c)
		after(time.Minute)
		stop()
		require.Positive(t, ci.asked)
		ci.asked = 0
		second := w.commit(pipeline.Passed)
		e, err := pipeline.New(c)
		require.NoError(t, err)
		assert.Equal(t, pipeline.CodeNext, status(t, e).Reason.Code)
		_, err = e.Explain(t.Context(), second)
		require.NoError(t, err)
		plan, err := e.Plan(t.Context())
		require.NoError(t, err)
		assert.True(t, plan.Go)
		assert.Zero(t, ci.asked)
	})
}

func TestTheLatestGreenChangeIsDeployedAndRolledBackAndResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b", "c")
		first := w.commit(pipeline.Passed)
		e, stop := start(t, w.config())
		defer stop()
		after(time.Minute)
		s := status(t, e)
		require.NotNil(t, s.Live, "%+v", s)
		assert.Equal(t, first, s.Live.Revision)
		assert.Equal(t, pipeline.CodeIdle, s.Reason.Code, s.Reason.Sentence)

		second := w.commit(pipeline.Passed)
		third := w.commit(pipeline.Pending)
		e.Wake()
		after(time.Second)
		assert.Equal(t, second, status(t, e).Live.Revision)
		assert.Equal(t, pipeline.CodePending, status(t, e).Reason.Code)

		_, err := pipeline.Open(w.store, w.logs, "web").Do(t.Context(), pipeline.Rollback{
			Asked: pipeline.Asked{By: "ann", Reason: "errors"}, From: status(t, e).Live.ID})
		require.NoError(t, err)
		after(2 * time.Second)
		s = status(t, e)
		assert.Equal(t, first, s.Live.Revision)
		require.NotNil(t, s.Stop)
		assert.Nil(t, s.Open)
		w.judge(third, pipeline.Passed)
		after(time.Hour)
		assert.Equal(t, first, status(t, e).Live.Revision, "nothing is shipped while stopped")

		_, err = e.Do(t.Context(), pipeline.Resume{Asked: pipeline.Asked{By: "ann"}, Stop: s.Stop.ID, From: second})
		var refusal *pipeline.Refusal
		require.True(t, errors.As(err, &refusal))
		_, err = e.Do(t.Context(), pipeline.Resume{Asked: pipeline.Asked{By: "ann"}, Stop: s.Stop.ID, From: third})
		require.NoError(t, err)
		after(2 * time.Second)
		assert.Equal(t, third, status(t, e).Live.Revision)
		t.Log(history(t, e))
	})
}
