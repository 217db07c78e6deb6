package command_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// untilTold works until its context ends.
func untilTold(ctx context.Context, _ *engine) error {
	<-ctx.Done()
	return nil
}

func TestTheFirstSignalHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, signals := quiet("web"), make(chan os.Signal, 2)
		handedOver := false
		e.works = func(ctx context.Context, _ *engine) error {
			<-ctx.Done()
			time.Sleep(20 * time.Second) // the batch under way
			handedOver = true
			return nil
		}
		time.AfterFunc(time.Minute, func() { signals <- syscall.SIGTERM })
		o := terminal{signals: signals}.run(t, []string{"run"}, e)
		require.Zero(t, o.code)
		require.True(t, handedOver)
		require.Equal(t, "terminated: the step under way ends, then the lease is handed over; the same again ends it at once\n", o.err)
	})
}

func TestTheSecondSignalEndsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, signals := quiet("web"), make(chan os.Signal, 2)
		stuck := make(chan struct{})
		e.works = func(context.Context, *engine) error { <-stuck; return nil }
		began := time.Now()
		time.AfterFunc(time.Minute, func() { signals <- syscall.SIGTERM })
		time.AfterFunc(time.Minute+time.Second, func() { signals <- syscall.SIGINT })
		o := terminal{signals: signals}.run(t, []string{"run"}, e)
		require.Equal(t, 130, o.code)
		require.Equal(t, time.Minute+time.Second, time.Since(began))
		close(stuck)
	})
}

func TestASignalEndsACommandThatOnlyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, signals := quiet("web"), make(chan os.Signal, 2)
		e.does = func(d *desk, _ pipeline.Request) {
			d.status.Wanted = &pipeline.Wanted{Asked: pipeline.Asked{ID: "req-1"}, Revision: next}
		}
		time.AfterFunc(time.Minute, func() { signals <- syscall.SIGINT })
		o := terminal{signals: signals}.run(t, []string{"deploy", "77aa010", "-reason", "x", "-wait"}, e)
		require.Equal(t, 130, o.code)
		require.Equal(t, "interrupted (interrupt)\n", o.err)
	})
}

func TestRunDeploysAllPipelinesOrTheOneThatIsNamed(t *testing.T) {
	web, api := quiet("web"), quiet("api")
	var ran []string
	works := func(_ context.Context, e *engine) error { ran = append(ran, e.name); return nil }
	web.works = works
	require.Zero(t, run(t, "run -pipeline web", web, api).code)
	require.Equal(t, []string{"web"}, ran)

	web.works, api.works = untilTold, func(context.Context, *engine) error { return errGone }
	o := run(t, "run", web, api)
	require.Equal(t, outcome{code: 1, out: o.out, err: "the store does not answer\n"}, o, "one that cannot go on ends the process")
}

// rollout are the events of a small deploy.
func rollout() []pipeline.Event {
	event := func(clock string, e pipeline.Event) pipeline.Event {
		e.At, e.Pipeline = at(clock), "web"
		return e
	}
	batch := &target.Step{Batch: 1, Batches: 2, Units: []string{"host-1", "host-2"}}
	return []pipeline.Event{
		event("14:39:00", pipeline.Event{Kind: pipeline.EventClaimed, Message: "deploying for web, epoch 7"}),
		event("14:39:01", pipeline.Event{Kind: pipeline.EventBuilding, Message: "building 77aa010"}),
		event("14:39:02", pipeline.Event{Kind: pipeline.EventBegan, Deploy: "43-77aa010", Message: "deploying 43-77aa010"}),
		event("14:39:10", pipeline.Event{Kind: pipeline.EventProgress, Deploy: "43-77aa010", Target: "fleet", Progress: &target.Progress{Unit: "host-1", Phase: "fetch", Done: 12_345_678, Total: 40_000_000, Of: "bytes"}}),
		event("14:39:20", pipeline.Event{Kind: pipeline.EventPrepared, Deploy: "43-77aa010", Message: "43-77aa010 is prepared on every target"}),
		event("14:39:21", pipeline.Event{Kind: pipeline.EventBatch, Deploy: "43-77aa010", Stage: "production", Target: "fleet", Step: batch, Message: "fleet: batch 1 of 2, 2 units"}),
		event("14:39:22", pipeline.Event{Kind: pipeline.EventProgress, Deploy: "43-77aa010", Target: "fleet", Progress: &target.Progress{Unit: "host-1", Phase: "done"}}),
		event("14:39:23", pipeline.Event{Kind: pipeline.EventProgress, Deploy: "43-77aa010", Target: "fleet", Progress: &target.Progress{Unit: "host-2", Phase: "drain"}}),
		event("14:39:24", pipeline.Event{Kind: pipeline.EventProgress, Deploy: "43-77aa010", Target: "fleet", Progress: &target.Progress{Unit: "host-2", Phase: "failed", Message: "/healthz answers 503"}}),
		event("14:39:25", pipeline.Event{Kind: pipeline.EventProblem, Message: "ask CI: connection refused"}),
		event("14:39:26", pipeline.Event{Kind: pipeline.EventLost, Lost: 3}),
		event("14:39:30", pipeline.Event{Kind: pipeline.EventEnded, Deploy: "43-77aa010", End: pipeline.RolledBack, Message: "43-77aa010 ended: rolled back"}),
	}
}

func TestElsewhereThanOnATerminalEventsArePlainLines(t *testing.T) {
	e := quiet("web")
	e.events = rollout()
	o := run(t, "run", e)
	golden(t, "run-plain", o.out)
	require.NotContains(t, o.out, "\x1b")

	e = quiet("web")
	e.events = rollout()
	o = terminal{width: 80, env: map[string]string{"TERM": "dumb"}}.run(t, []string{"run"}, e)
	golden(t, "run-plain", o.out)
}

func TestOnATerminalAPictureIsRedrawnBelowTheLines(t *testing.T) {
	e := quiet("web")
	e.events = rollout()
	o := terminal{width: 70, env: map[string]string{"NO_COLOR": "1"}}.run(t, []string{"run"}, e)
	golden(t, "run-terminal", strings.ReplaceAll(o.out, "\x1b", "ESC"))
	require.NotContains(t, o.out, "\x1b[31m", "no colours")
	for line := range strings.Lines(o.out) {
		if strings.HasPrefix(line, "  fleet") {
			require.Less(t, len(line)-1, 70)
		}
	}

	e = quiet("web")
	e.events = rollout()
	o = terminal{width: 70}.run(t, []string{"run"}, e)
	require.Contains(t, o.out, "\x1b[31m14:39:30 web: 43-77aa010 ended: rolled back\x1b[0m")
}

func TestRunWritesEventsAsJSON(t *testing.T) {
	e := quiet("web")
	e.events = rollout()
	lines := strings.Split(strings.TrimSpace(run(t, "run -json", e).out), "\n")
	require.Len(t, lines, len(e.events))
	var event pipeline.Event
	require.NoError(t, json.Unmarshal([]byte(lines[5]), &event))
	require.Equal(t, []string{"host-1", "host-2"}, event.Step.Units)
}

func TestSettleSaysWhereItEnded(t *testing.T) {
	for name, c := range map[string]struct {
		works func(context.Context, *engine) error
		code  int
		err   string
	}{
		"nothing to do": {nil, 0, ""},
		"a deploy went live": {func(_ context.Context, e *engine) error {
			e.deploys = told().deploys[1:2]
			return nil
		}, 0, ""},
		"a deploy was rolled back": {func(_ context.Context, e *engine) error {
			e.deploys = []pipeline.Deploy{{ID: "43-77aa010", Kind: pipeline.KindDeploy, End: pipeline.RolledBack}}
			return nil
		}, 4, "web: 43-77aa010 ended: rolled back\n"},
		"something is left open": {func(_ context.Context, e *engine) error {
			e.status = deploying().status
			return nil
		}, 4, "web: 43-77aa010 is still open: deploying 43-77aa010\n"},
		"the store is gone": {func(context.Context, *engine) error { return errGone }, 1, "the store does not answer\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := quiet("web")
			e.status.Deployer = nil
			e.works = c.works
			o := run(t, "settle", e)
			require.Equal(t, c.code, o.code)
			require.Equal(t, c.err, o.err)
		})
	}
}

func TestSettleThatIsCutOffSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, signals := quiet("web"), make(chan os.Signal, 1)
		e.status.Deployer = nil
		e.works = func(ctx context.Context, e *engine) error {
			<-ctx.Done()
			e.status.Open = deploying().status.Open
			return ctx.Err()
		}
		signals <- syscall.SIGTERM
		o := terminal{signals: signals}.run(t, []string{"settle"}, e)
		require.Equal(t, 4, o.code)
		require.Contains(t, o.err, "web: interrupted; 43-77aa010 is still open, and the next deployer goes on with it\n")
	})
}

// shipping plays a deploy that begins when it is asked for, and ends as told after
// some looks.
func shipping(end pipeline.End) *engine {
	e := quiet("web")
	e.deploys = told().deploys[2:]
	e.does = func(d *desk, r pipeline.Request) {
		d.n = 0
		d.status.Wanted = &pipeline.Wanted{Asked: pipeline.Asked{ID: "req-1"}, Revision: next}
		d.status.Reason.Sentence = "77aa010 is next: ann@laptop asked for it"
	}
	e.looks = func(d *desk, n int) {
		if len(d.asked) == 0 {
			return
		}
		stages := func(batch int) map[string]*pipeline.StageProgress {
			return map[string]*pipeline.StageProgress{"production": {Targets: map[string]pipeline.TargetProgress{"fleet": {Batch: batch, Batches: 2, Done: batch == 2}}}}
		}
		o := &pipeline.Attempt{ID: "43-77aa010", Kind: pipeline.KindDeploy, To: release("43-77aa010", next), Prepared: n > 3}
		switch {
		case n <= 2:
			return
		case n <= 5:
			d.status.Wanted, d.status.Open = nil, o
			d.status.Reason.Sentence = "deploying 43-77aa010"
			o.Stages = stages(n - 3)
		default:
			d.status.Open = nil
			d.status.Reason.Sentence = "up to date"
			d.deploys = append([]pipeline.Deploy{{ID: "43-77aa010", Kind: pipeline.KindDeploy, End: end, To: o.To, Subject: "Add the cart", Began: now, Ended: now.Add(3 * time.Second)}}, told().deploys[2:]...)
		}
	}
	return e
}

func TestDeployWaitsUntilItIsLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := terminal{}.run(t, []string{"deploy", "77aa010", "-reason", "hotfix", "-wait"}, shipping(pipeline.Live))
		require.Zero(t, o.code, o.err)
		golden(t, "deploy-wait", o.out)
	})
}

func TestDeployThatEndsBadlyIsNoSuccess(t *testing.T) {
	for _, end := range []pipeline.End{pipeline.FailedEnd, pipeline.RolledBack, pipeline.Superseded, pipeline.Aborted} {
		synctest.Test(t, func(t *testing.T) {
			o := terminal{}.run(t, []string{"deploy", "77aa010", "-reason", "hotfix", "-wait", "-json"}, shipping(end))
			require.Equal(t, 4, o.code)
			var a struct{ Deploy pipeline.Deploy }
			require.NoError(t, json.Unmarshal([]byte(o.out), &a))
			require.Equal(t, end, a.Deploy.End)
		})
	}
}

func TestADeployOfLongAgoIsNotTakenForTheOneThatWasAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := quiet("web")
		e.deploys = told().deploys // 43-77aa010 was live before
		e.does = func(d *desk, _ pipeline.Request) {
			d.n, d.status.Wanted = 0, &pipeline.Wanted{Asked: pipeline.Asked{ID: "req-1"}, Revision: next}
		}
		e.looks = func(d *desk, n int) {
			if n > 3 {
				d.status.Wanted = nil
			}
		}
		o := terminal{}.run(t, []string{"deploy", next, "-reason", "again", "-wait"}, e)
		require.Equal(t, 4, o.code)
		require.Contains(t, o.err, "neither under way nor in the history")
	})
}

func TestRollbackWaitsUntilItHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := quiet("web")
		e.deploys = told().deploys[1:]
		e.does = func(d *desk, r pipeline.Request) {
			d.n = 0
			from := release("42-3f9a1c0", good)
			d.status.Open = &pipeline.Attempt{ID: "44-rollback", Kind: pipeline.KindRollback, From: &from}
			d.status.Reason.Sentence = "rolling back from 42-3f9a1c0 to 41-1111111"
		}
		e.looks = func(d *desk, n int) {
			if len(d.asked) > 0 && n == 3 {
				d.status.Open, d.deploys = nil, told().deploys
			}
		}
		o := terminal{}.run(t, []string{"rollback", "-yes", "-reason", "x", "-wait"}, e)
		require.Zero(t, o.code, o.err)
		require.Contains(t, o.out, "44-rollback       rolled back")
	})
}

func TestWaitingSaysOnceThatNoDeployerRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := shipping(pipeline.Live)
		e.status.Deployer = nil
		o := terminal{}.run(t, []string{"deploy", "77aa010", "-reason", "hotfix", "-wait"}, e)
		require.Equal(t, 1, strings.Count(o.out, "No deployer is running"))
	})
}

func TestStatusThatCannotBeReadIsAnError(t *testing.T) {
	e := quiet("web")
	e.failing = errors.New("load record: the store does not answer")
	require.Equal(t, outcome{code: 1, err: "load record: the store does not answer\n"}, run(t, "status", e))
}
