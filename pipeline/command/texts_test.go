package command_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// deploying is a pipeline in the middle of a deploy.
func deploying() *engine {
	e := quiet("web")
	from := release("42-3f9a1c0", good)
	e.status.Open = &pipeline.Attempt{
		ID: "43-77aa010", Kind: pipeline.KindDeploy, From: &from, To: release("43-77aa010", next),
		Subject: "Add the cart", Began: at("14:36:00"), By: "bob", Reason: "the campaign begins at three",
		Stages: map[string]*pipeline.StageProgress{
			"preview":    {Done: true, Targets: map[string]pipeline.TargetProgress{"preview-1": {Done: true, Batch: 1, Batches: 1}}},
			"production": {Hooks: map[string]pipeline.HookState{"migrate": pipeline.HookBegun}, Targets: map[string]pipeline.TargetProgress{"fleet": {Batch: 2, Batches: 5, Failed: []target.Unit{{Name: "host-3", Problem: "no answer on port 22"}}}}},
		},
	}
	e.status.Reason = pipeline.Reason{Code: pipeline.CodeDeploying, Sentence: "deploying 43-77aa010"}
	return e
}

// stopped is a pipeline after a rollback.
func stopped() *engine {
	e := quiet("web")
	from, to := release("43-77aa010", next), release("42-3f9a1c0", good)
	e.status.Stop = &pipeline.Stop{ID: "44-rollback", Kind: pipeline.StopRollback, By: "alice", Reason: "checkout is broken",
		Since: at("14:37:00"), From: &from, To: &to}
	e.status.Excluded = []pipeline.Excluded{{Revision: next, Stop: "44-rollback"}, {Revision: "c", Stop: "44-rollback"}}
	e.status.Reason = pipeline.Reason{Code: pipeline.CodeStopped, Sentence: `stopped by alice: "checkout is broken"; resume it and name the commit from which to ship`}
	e.plan = pipeline.Plan{Reason: e.status.Reason, Change: &pipeline.Change{Revision: fix, Author: "Bob", Subject: "Fix the cart", Time: now}}
	e.plan.Batch = []pipeline.Change{*e.plan.Change}
	return e
}

// held is a pipeline under two holds, with much to tell.
func held() *engine {
	e := quiet("web")
	e.status.Holds = []lock.Hold{
		{ID: "k3v9qz7abc", Scope: lock.All, Level: lock.Everything, By: "on-call", Reason: "db migration", Since: at("14:00:00"), Until: at("17:00:00")},
		{ID: "p4w0aaaaaa", Scope: lock.Pipeline("web"), Level: lock.Deploys, By: "bob", Reason: "demo"},
	}
	e.status.Reason = pipeline.Reason{Code: pipeline.CodeHeld, Sentence: `held entirely by on-call: "db migration" until 17:00 CET`}
	e.status.Wanted = &pipeline.Wanted{Asked: pipeline.Asked{ID: "w1", By: "carol", Reason: "hotfix"}, Revision: next, At: at("14:39:00")}
	e.status.Parked = []pipeline.Parked{{Revision: "ccccccc1", Reason: "its tests fail"}, {Revision: next, Build: true, Reason: "build: exit status 1"}}
	e.status.Floor = fix
	e.status.Deployer = nil
	e.status.Observed["fleet"] = pipeline.Observed{At: now.Add(-90 * time.Second), Units: 6, On: 2, BestEffort: true, Off: []target.Unit{
		{Name: "host-1", Problem: "no route to host"}, {Name: "host-2", Condition: target.Unhealthy, Problem: "/healthz answers 503"},
		{Name: "host-3", Condition: target.Serving}, {Name: "host-4"},
	}}
	return e
}

func TestStatusSaysWhatIsLiveAndWhyNothingElseIs(t *testing.T) {
	for name, e := range map[string]*engine{"quiet": quiet("web"), "deploying": deploying(), "stopped": stopped(), "held": held()} {
		t.Run(name, func(t *testing.T) {
			o := run(t, "status", e)
			require.Equal(t, outcome{code: 0, out: o.out}, o)
			golden(t, "status-"+name, o.out)
		})
	}
}

func TestStatusOfARollbackUnderWayNamesBothReleases(t *testing.T) {
	e := stopped()
	from := release("43-77aa010", next)
	e.status.Open = &pipeline.Attempt{ID: "44-rollback", Kind: pipeline.KindRollback, From: &from, To: release("42-3f9a1c0", good),
		Began: at("14:37:00"), By: "alice", Reason: "checkout is broken"}
	golden(t, "status-rolling-back", run(t, "status", e).out)
}

func TestStatusSpeaksOfAllPipelinesAndOfThoseThatNeverRan(t *testing.T) {
	fresh := &engine{desk: desk{name: "api", failing: pipeline.ErrNoPipeline}}
	o := run(t, "status", quiet("web"), fresh)
	require.Zero(t, o.code)
	golden(t, "status-several", o.out)
}

func TestWhyAnswersInASentence(t *testing.T) {
	e := quiet("web")
	e.reasons = map[string]pipeline.Reason{"77aa010": {Code: pipeline.CodePending, Sentence: "CI has not finished for 77aa010"}}
	require.Equal(t, outcome{out: "web: CI has not finished for 77aa010\n"}, run(t, "why 77aa010", e))
}

func planned() *engine {
	e := quiet("web")
	e.plan = pipeline.Plan{
		Go: true, Reason: pipeline.Reason{Code: pipeline.CodeNext, Sentence: "77aa010 is next"},
		Change: &pipeline.Change{Revision: next, Author: "Ann", Subject: "Add the cart"},
		Batch:  []pipeline.Change{{Revision: next, Author: "Ann", Subject: "Add the cart"}, {Revision: "bbbbbbb2", Author: "Bob", Subject: "Prepare the cart"}},
		Stages: []pipeline.PlannedStage{{Name: "production", Hooks: []string{"migrate"}, Checks: []string{"errors", "latency"}, Targets: []pipeline.PlannedTarget{
			{Name: "fleet", Steps: []target.Step{{Batch: 1, Batches: 2, Units: []string{"host-1"}}, {Batch: 2, Batches: 2, Units: []string{"h2", "h3", "h4", "h5", "h6", "h7"}}}},
			{Name: "bucket", Problem: "the artifact is not built yet"}, {Name: "edge"},
		}}},
	}
	return e
}

func TestPlanListsTheStepsInOrder(t *testing.T) {
	golden(t, "plan", run(t, "plan", planned()).out)
}

func TestPlanSaysWhatIsInTheWay(t *testing.T) {
	golden(t, "plan-stopped", run(t, "plan", stopped()).out)
}

func told() *engine {
	e := quiet("web")
	from, to := release("43-77aa010", next), release("42-3f9a1c0", good)
	e.deploys = []pipeline.Deploy{
		{ID: "44-rollback", Kind: pipeline.KindRollback, End: pipeline.RolledBack, From: &from, To: to, By: "alice", Reason: "checkout is broken", Began: at("14:37:00"), Ended: at("14:37:41")},
		{ID: "43-77aa010", Kind: pipeline.KindDeploy, End: pipeline.Live, To: from, Subject: "Add the cart", Batch: []string{next, "b", "c"}, Committed: at("14:10:00"), Began: at("14:30:00"), Ended: at("14:34:12")},
		{ID: "42-3f9a1c0", Kind: pipeline.KindDeploy, End: pipeline.FailedEnd, To: to, Subject: "Say hello", Batch: []string{good}, Why: "prepare: 2 units have no room left",
			Failed: []target.Unit{{Name: "host-1", Problem: "no space left on device"}, {Name: "host-2"}}, Began: at("09:00:00").AddDate(0, 0, -2), Ended: at("09:00:30").AddDate(0, 0, -2)},
		{ID: "41-1111111", Kind: pipeline.KindDeploy, End: pipeline.Live, To: to, Subject: "Begin", Committed: at("08:00:00").AddDate(0, 0, -3), Began: at("09:00:00").AddDate(0, 0, -3), Ended: at("09:00:00").AddDate(0, 0, -3)},
	}
	return e
}

func TestHistoryTellsTheNewestFirst(t *testing.T) {
	golden(t, "history", run(t, "history", told()).out)
}

func TestHistoryStopsWhereItIsTold(t *testing.T) {
	o := run(t, "history -n 1 -before 43-77aa010", told())
	require.Contains(t, o.out, "42-3f9a1c0")
	require.NotContains(t, o.out, "44-rollback")
	require.NotContains(t, o.out, "41-1111111")
}

func TestStatsDrawAChart(t *testing.T) {
	golden(t, "stats", run(t, "stats -days 4", told()).out)
}

func TestStatsOfAQuietPipelineClaimNothing(t *testing.T) {
	golden(t, "stats-none", run(t, "stats -days 2", quiet("web")).out)
}

func TestHelpReadsWell(t *testing.T) {
	golden(t, "help", run(t, "", quiet("web")).out)
	golden(t, "help-hold", run(t, "help hold", quiet("web")).out)
	require.Equal(t, run(t, "help hold").out, run(t, "hold -h", quiet("web")).out)
	require.Equal(t, run(t, "help").out, run(t, "-h").out)
}
