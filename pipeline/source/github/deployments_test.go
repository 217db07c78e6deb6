package github_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// observed makes a deployer that runs and whose deploys are written.
func observed(t *testing.T) (*deployer, func()) {
	t.Helper()
	d := deploying(t, newHub(t))
	d.does(nil)
	ctx, cancel := context.WithCancel(context.Background())
	shown := github.NewDeployments(d.branch, github.DeploymentsConfig{URL: func(id string) string { return "https://deployer.test/" + id }})
	events := d.engine.Watch(ctx, 0)
	done := make(chan struct{})
	go func() { shown.Follow(ctx, pipeline.Open(d.store, d.logs, "web"), events); close(done) }()
	stop := d.run(t)
	return d, func() { stop(); cancel(); <-done }
}

// does makes each unit take a moment to switch, and something else besides.
func (d *deployer) does(f func(targettest.Point) error) {
	hook := targettest.Hook(func(_ context.Context, p targettest.Point) error {
		if p.Phase == targettest.Confirm {
			time.Sleep(100 * time.Millisecond)
		}
		if f == nil {
			return nil
		}
		return f(p)
	})
	d.step.Store(&hook)
}

// written is what GitHub shows: a line per deployment.
func (d *deployer) written() []string {
	var all []string
	for _, one := range d.Deployments() {
		text := one.Task + " " + one.SHA[:7] + ":"
		for _, s := range one.Statuses {
			text += " " + s.State
		}
		all = append(all, text)
	}
	return all
}

func TestDeploysAreShownOnGitHub(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		defer stop()
		first := d.green(d.commit("a"))
		d.lives(t, first)
		time.Sleep(time.Minute)
		require.Equal(t, []string{"deploy " + first[:7] + ": in_progress success"}, d.written())
		one := d.Deployments()[0]
		require.Equal(t, "production", one.Environment)
		require.Contains(t, one.Statuses[1].LogURL, "https://deployer.test/1-")

		d.does(func(p targettest.Point) error {
			if p.Phase == targettest.Prepare {
				return errors.New(strings.Repeat("ü", 1<<16))
			}
			return nil
		})
		bad := d.green(d.commit("b"))
		time.Sleep(time.Minute)
		d.does(nil)
		require.Equal(t, "deploy "+bad[:7]+": in_progress failure", d.written()[1])
		text := d.Deployments()[1].Statuses[1].Description
		require.LessOrEqual(t, len(text), 140)
		require.True(t, utf8.ValidString(text))

		third := d.green(d.commit("c"))
		d.lives(t, third)
		_, err := d.engine.Do(t.Context(), pipeline.Rollback{
			Asked: pipeline.Asked{By: "ann", Reason: "errors"}, From: d.status(t).Live.ID,
		})
		require.NoError(t, err)
		time.Sleep(time.Minute)
		require.Equal(t, []string{
			"deploy " + first[:7] + ": in_progress success inactive",
			"deploy " + bad[:7] + ": in_progress failure",
			"deploy " + third[:7] + ": in_progress success inactive",
			"rollback " + first[:7] + ": in_progress success",
		}, d.written())
	})
}

func TestADeployThatIsRolledBackBeforeItWasLiveIsShownAsFailed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		defer stop()
		first := d.green(d.commit("a"))
		d.lives(t, first)
		d.does(func(p targettest.Point) error {
			if p.Phase == targettest.Confirm && p.Order.Release.Revision != first {
				return errors.New("it does not start")
			}
			return nil
		})
		second := d.green(d.commit("b"))
		time.Sleep(time.Minute)
		require.NotNil(t, d.status(t).Stop)
		shown := d.written()
		require.Equal(t, "deploy "+first[:7]+": in_progress success inactive", shown[0])
		require.Equal(t, "deploy "+second[:7]+": in_progress failure", shown[1])
		require.True(t, strings.HasPrefix(shown[2], "rollback "+first[:7]+":") && strings.HasSuffix(shown[2], " success"), shown[2])
	})
}

func TestAGitHubThatTakesNoDeploymentsDelaysNothingAndIsToldLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		defer stop()
		d.server.Fail(githubtest.Fault{Path: "/deployments", Status: http.StatusBadGateway, Delay: 10 * time.Second, Times: 12})
		var all []string
		for range 5 {
			all = append(all, d.green(d.commit("x")))
			require.LessOrEqual(t, d.lives(t, all[len(all)-1]), 2*time.Second)
		}
		time.Sleep(10 * time.Minute)
		require.Len(t, d.written(), 5, "each once")
		for i, revision := range all {
			require.Contains(t, d.written()[i], revision[:7])
			require.Contains(t, d.written()[i], "success")
		}
	})
}

func TestDeploymentsAreWrittenAfterAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		defer stop()
		d.server.Fail(githubtest.Fault{Path: "/deployments/", Status: http.StatusForbidden, Message: "You have exceeded a secondary rate limit"})
		first := d.green(d.commit("a"))
		time.Sleep(10 * time.Minute)
		require.Equal(t, []string{"deploy " + first[:7] + ": success"}, d.written(), "GitHub asked for a minute")
	})
}

func TestAnAnswerThatIsLostMakesNoSecondDeployment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		defer stop()
		d.server.Fail(githubtest.Fault{Path: "/deployments", Half: true, Times: 1})
		d.lives(t, d.green(d.commit("a")))
		time.Sleep(time.Minute)
		require.Len(t, d.written(), 1)
		d.server.Fail(githubtest.Fault{}, githubtest.Fault{Path: "/statuses", Half: true})
		d.lives(t, d.green(d.commit("b")))
		time.Sleep(time.Minute)
		require.Len(t, d.written(), 2)
		require.True(t, strings.HasSuffix(d.written()[1], "success"))
	})
}

func TestATokenThatMayNotWriteDeploymentsLosesThemOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		defer stop()
		d.server.Fail(githubtest.Fault{Path: "/deployments", Status: http.StatusForbidden, Times: 1 << 20})
		for range 3 {
			d.lives(t, d.green(d.commit("x")))
		}
		time.Sleep(time.Minute)
		require.Empty(t, d.written())
		calls := 0
		for _, c := range d.server.Calls() {
			if strings.Contains(c.Path, "/deployments") {
				calls++
			}
		}
		require.LessOrEqual(t, calls, 3*2, "it is not tried again and again")
	})
}

func TestOfTwoDeployersTheOneThatActsWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, stop := observed(t)
		first := d.green(d.commit("a"))
		d.lives(t, first)

		second, err := pipeline.New(pipeline.Config{
			Name: "web", Source: d.branch, CI: d.branch, Builds: d.builds, Store: d.store, Logs: d.logs, Holder: "the other",
			Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{d.fleet}}},
		})
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		events := second.Watch(ctx, 0)
		followed, ran := make(chan struct{}), make(chan struct{})
		go func() {
			github.NewDeployments(d.branch, github.DeploymentsConfig{}).Follow(ctx, pipeline.Open(d.store, d.logs, "web"), events)
			close(followed)
		}()
		go func() { _ = second.Run(ctx); close(ran) }()
		time.Sleep(time.Minute)
		next := d.green(d.commit("b"))
		d.lives(t, next)
		time.Sleep(time.Minute)
		both := []string{"deploy " + first[:7] + ": in_progress success inactive", "deploy " + next[:7] + ": in_progress success"}
		require.Equal(t, both, d.written(), "once each")

		stop()
		time.Sleep(time.Minute)
		require.Equal(t, both, d.written(), "what the first one wrote is not written again")
		third := d.green(d.commit("c"))
		time.Sleep(pipeline.DefaultPoll + time.Minute)
		require.Equal(t, "deploy "+third[:7]+": in_progress success", d.written()[2])
		require.Len(t, d.written(), 3)
		cancel()
		<-followed
		<-ran
	})
}
