package github_test

import (
	"context"
	"net/http"
	"strings"
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
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// deployer is a real engine that follows a hub and deploys into memory.
type deployer struct {
	*hub
	engine *pipeline.Engine
	fleet  *targettest.Memory
	builds *buildtest.Builds
	store  *lock.Memory
	logs   *build.MemoryStore
	hooks  *github.Webhooks
	step   atomic.Pointer[targettest.Hook]
}

// deploying makes an engine for a hub whose webhooks come in. It does not run yet.
func deploying(t testing.TB, h *hub, tune ...func(*pipeline.Config)) *deployer {
	t.Helper()
	d := &deployer{
		hub: h, fleet: targettest.NewMemory("fleet", "a", "b", "c"), builds: &buildtest.Builds{},
		store: &lock.Memory{}, logs: &build.MemoryStore{},
	}
	d.fleet.Batch = 1
	d.fleet.Hook = func(ctx context.Context, p targettest.Point) error {
		if hook := d.step.Load(); hook != nil {
			return (*hook)(ctx, p)
		}
		return nil
	}
	c := pipeline.Config{
		Name: "web", Source: h.branch, CI: h.branch, Builds: d.builds, Store: d.store, Logs: d.logs, Holder: "test",
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{d.fleet}}},
	}
	for _, f := range tune {
		f(&c)
	}
	var err error
	d.engine, err = pipeline.New(c)
	require.NoError(t, err)
	d.hooks, err = github.NewWebhooks(github.WebhookConfig{Secrets: []string{secret}})
	require.NoError(t, err)
	d.hooks.Add(h.branch, d.engine.Wake)
	h.Hook(githubtest.HandlerHook(d.hooks, secret))
	return d
}

// run runs the engine until the returned function is called.
func (d *deployer) run(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.engine.Run(ctx) }()
	return func() {
		cancel()
		require.NoError(t, <-done)
	}
}

func (d *deployer) status(t testing.TB) pipeline.Status {
	t.Helper()
	s, err := d.engine.Status(context.Background())
	require.NoError(t, err)
	return s
}

// lives waits until a revision is live, in virtual time, and returns how long it took.
func (d *deployer) lives(t testing.TB, revision string) time.Duration {
	t.Helper()
	began := time.Now()
	for time.Since(began) < time.Hour {
		if s, err := pipeline.Open(d.store, d.logs, "web").Status(context.Background()); err == nil && s.Live != nil && s.Open == nil && s.Live.Revision == revision {
			return time.Since(began)
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatalf("%.7s is not live after an hour: %s", revision, d.status(t).Reason)
	return 0
}

func TestLaw02_AWebhookThatIsLostCostsOnePollIntervalAndNoChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deploying(t, newHub(t))
		stop := func() {}
		defer func() { stop() }()
		first := d.green(d.commit("a"))
		stop = d.run(t)
		d.lives(t, first)
		time.Sleep(time.Minute)

		second := d.commit("b")
		time.Sleep(time.Second)
		d.green(second)
		assert.LessOrEqual(t, d.lives(t, second), time.Second, "woken")

		d.Unhook()
		for _, pause := range []time.Duration{0, time.Second, 7 * time.Second, 14 * time.Second} {
			time.Sleep(pause)
			next := d.commit("c")
			d.green(next)
			assert.LessOrEqual(t, d.lives(t, next), pipeline.DefaultPoll+time.Second, "not woken: the next poll finds it")
		}
		next := d.commit("d")
		time.Sleep(10 * time.Minute)
		d.SetCheck(next, "test", "completed", "failure")
		time.Sleep(10 * time.Minute)
		d.SetCheck(next, "test", "completed", "success")
		assert.LessOrEqual(t, d.lives(t, next), pipeline.DefaultPoll+time.Second, "the newest was run again, and nobody said so")
	})
}

func TestLaw11_ACheckRunThatFlipsAfterTheDeployBeganRollsItBack(t *testing.T) {
	for name, hook := range map[string]bool{"with a webhook": true, "without one": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := deploying(t, newHub(t))
				first := d.green(d.commit("a"))
				defer d.run(t)()
				d.lives(t, first)
				if !hook {
					d.Unhook()
				}
				slow := targettest.Hook(func(_ context.Context, p targettest.Point) error {
					if p.Phase == targettest.Confirm {
						time.Sleep(5 * time.Second)
					}
					return nil
				})
				d.step.Store(&slow)
				second := d.green(d.commit("b"))
				for d.status(t).Open == nil {
					time.Sleep(time.Second)
				}
				time.Sleep(7 * time.Second) // the first of three batches is through
				s := d.status(t)
				require.NotNil(t, s.Open)
				require.Equal(t, second, s.Open.To.Revision)
				d.SetCheck(second, "test", "completed", "failure")
				time.Sleep(time.Minute)
				s = d.status(t)
				require.NotNil(t, s.Stop, "automation is stopped: %s", s.Reason)
				require.Equal(t, first, s.Live.Revision)
				state, err := d.fleet.Observe(t.Context(), target.Order{})
				require.NoError(t, err)
				for _, u := range state.Units {
					assert.Equal(t, s.Live.Digest, u.Digest, u.Name)
				}
			})
		})
	}
}

func TestAVerdictThatTurnsRedAfterLiveIsAnAlarm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deploying(t, newHub(t))
		first := d.green(d.commit("a"))
		defer d.run(t)()
		d.lives(t, first)
		d.Unhook()
		time.Sleep(time.Hour)
		d.SetCheck(first, "test", "completed", "failure")
		time.Sleep(github.DefaultRecheck + pipeline.DefaultPoll)
		s, err := pipeline.Open(d.store, d.logs, "web").Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, pipeline.CodeAlarm, s.Reason.Code, s.Reason.Sentence)
	})
}

func TestWhatBecomesOfABranchIsSaidAndNothingIsDeployedBackwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deploying(t, newHub(t))
		first := d.green(d.commit("a"))
		second := d.green(d.commit("b"))
		defer d.run(t)()
		d.lives(t, second)

		d.Push("main", first)
		time.Sleep(time.Minute)
		require.Equal(t, pipeline.CodeBehind, d.status(t).Reason.Code)
		require.Equal(t, second, d.status(t).Live.Revision)

		d.Push("main", second)
		d.DeleteBranch("main")
		time.Sleep(time.Minute)
		require.Equal(t, pipeline.CodeUnreachable, d.status(t).Reason.Code)
		require.Contains(t, d.status(t).Reason.Sentence, "was it deleted or renamed")
		require.Nil(t, d.status(t).Stop)

		d.Push("main", second)
		d.server.SetToken("another")
		third := d.green(d.commit("c"))
		time.Sleep(time.Minute)
		require.Equal(t, pipeline.CodeUnreachable, d.status(t).Reason.Code)
		require.Contains(t, d.status(t).Reason.Sentence, "make a new one")
		d.server.SetToken(githubtest.Token)
		d.lives(t, third)

		d.Push("main", second)
		d.green(d.commit("rewritten"))
		time.Sleep(time.Minute)
		require.NotNil(t, d.status(t).Stop)
		require.Equal(t, pipeline.StopDiverged, d.status(t).Stop.Kind)
		require.Equal(t, third, d.status(t).Live.Revision)
	})
}

func TestAnAPIThatIsAwayStopsNothingAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deploying(t, newHub(t))
		first := d.green(d.commit("a"))
		defer d.run(t)()
		d.lives(t, first)
		for _, f := range []githubtest.Fault{
			githubtest.Unavailable(1 << 30), {Half: true, Times: 1 << 30}, {Cut: true, Times: 1 << 30},
			{Status: http.StatusNotFound, Path: "/compare/", Times: 1 << 30}, {Body: "{}", Times: 1 << 30},
			{Body: "<html>", Times: 1 << 30},
		} {
			d.server.Fail(f)
			next := d.green(d.commit("next"))
			time.Sleep(20 * time.Minute)
			require.Nil(t, d.status(t).Stop, "%+v: %s", f, d.status(t).Reason)
			require.NotEqual(t, next, d.status(t).Live.Revision)
			d.server.Heal()
			require.LessOrEqual(t, d.lives(t, next), pipeline.DefaultPoll+time.Second)
		}
	})
}

func TestAScriptInACommitMessageIsOnlyText(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := deploying(t, newHub(t))
		first := d.green(d.commit("<script>alert(1)</script>" + strings.Repeat("x", 1<<16) + "\n$(rm -rf /)"))
		defer d.run(t)()
		d.lives(t, first)
		for deploy, err := range d.engine.Deploys(t.Context(), "") {
			require.NoError(t, err)
			require.True(t, strings.HasPrefix(deploy.Subject, "<script>alert(1)</script>x"))
			require.LessOrEqual(t, len(deploy.Subject), 300)
		}
		require.LessOrEqual(t, len(d.status(t).Live.ID), 60)
	})
}
