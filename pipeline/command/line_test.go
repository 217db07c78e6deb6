package command_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

func TestAWrongCommandLineSaysWhatIsWrong(t *testing.T) {
	for line, want := range map[string]string{
		"stauts":             `there is no command "stauts": did you mean "status"?`,
		"rollbak":            `did you mean "rollback"?`,
		"hist":               `did you mean "history"?`,
		"frobnicate":         `there is no command "frobnicate"`,
		"why":                "why wants CHANGE, and was given none",
		"status now":         "status wants no operands, and was given now",
		"status -frequently": "status: flag provided but not defined: -frequently",
		"-json":              "no command",
		"history -n 0":       "-n is 0",
		"stats -days 0":      "-days is 0",
	} {
		o := run(t, line, quiet("web"))
		require.Equal(t, 2, o.code, line)
		require.Contains(t, o.err, want, line)
		require.Empty(t, o.out, line)
	}
}

func TestFlagsMayStandBeforeAndBehindOperands(t *testing.T) {
	for _, line := range []string{
		"-pipeline web deploy 77aa010 -reason now",
		"deploy -pipeline=web -reason now 77aa010",
		"deploy -reason now -pipeline web -- 77aa010",
	} {
		e := quiet("web")
		o := run(t, line, quiet("api"), e)
		require.Zero(t, o.code, "%s: %s", line, o.err)
		require.Equal(t, pipeline.Ship{Asked: ann("now"), Revision: "77aa010"}, e.asked[0], line)
	}
}

func TestWhatFollowsTwoDashesIsNoFlag(t *testing.T) {
	e := quiet("web")
	e.reasons = map[string]pipeline.Reason{"-json": {Sentence: "no such change"}}
	require.Equal(t, outcome{out: "web: no such change\n"}, run(t, "why -- -json", e))
}

func TestSeveralPipelinesHaveToBeNamed(t *testing.T) {
	o := run(t, "rollback -yes -reason x", quiet("web"), quiet("api"))
	require.Equal(t, 2, o.code)
	require.Contains(t, o.err, "there are 2 pipelines here (web, api): name one with -pipeline")

	o = run(t, "status -pipeline wbe", quiet("web"), quiet("api"))
	require.Equal(t, 2, o.code)
	require.Contains(t, o.err, `there is no pipeline "wbe" here: there is web, api`)
}

func TestAProgramWithoutTargetsOperatesAndSaysWhatItCannot(t *testing.T) {
	d := &quiet("web").desk
	require.Zero(t, run(t, "status", d).code)
	require.Zero(t, run(t, "rollback -yes -reason x", d).code)
	for _, line := range []string{"run", "settle", "plan", "why 77aa010", "adopt 77aa010"} {
		o := run(t, line, d)
		require.Equal(t, 2, o.code, line)
		require.Contains(t, o.err, "needs the deployer's own program", line)
	}
	o := run(t, "resume -from 77aa010", &stopped().desk)
	require.Contains(t, o.err, "full id")
}

func TestOtherPeoplesTextCannotDriveTheTerminal(t *testing.T) {
	const evil = "a\x1b[2J\x1b]0;title\x07b\r\nc\u009bd\u202ee\x00\u200bf\x7f\xff"
	e := held()
	e.status.Reason.Sentence = evil
	e.status.Holds = []lock.Hold{{ID: evil, By: evil, Reason: evil}}
	e.status.Parked[1].Reason = evil
	e.status.Wanted.By = evil
	e.deploys = []pipeline.Deploy{{ID: evil, End: evil, Subject: evil, By: evil, Reason: evil, Why: evil + "!", Began: now, Ended: now}}
	e.plan = pipeline.Plan{Reason: e.status.Reason, Change: &pipeline.Change{Revision: next}, Batch: []pipeline.Change{{Subject: evil, Author: evil}},
		Stages: []pipeline.PlannedStage{{Name: evil, Hooks: []string{evil}, Checks: []string{evil}, Targets: []pipeline.PlannedTarget{{Name: evil, Problem: evil}}}}}
	e.refusing = &pipeline.Refusal{Reason: evil}
	for _, line := range []string{"status", "history", "plan", "status -json", "history -json", "plan -json", "hold -reason x", "hold -reason x -json"} {
		o := run(t, line, e)
		for _, bad := range []string{"\x1b", "\r", "\u009b", "\u202e", "\x00", "\u200b", "\x7f", "\a"} {
			require.NotContains(t, o.out+o.err, bad, line)
		}
	}
	require.Contains(t, run(t, "status", e).out, "ab  cdef\ufffd", "the text itself is there")
}

func TestJSONIsOneObjectPerLineAndLosesNothing(t *testing.T) {
	e := held()
	e.status.Reason.Sentence = "a\u202eb\x1b[2J\U000e0041c"
	var s pipeline.Status
	o := run(t, "status -json", e)
	require.NoError(t, json.Unmarshal([]byte(o.out), &s))
	want := e.status
	want.Name = "web"
	require.Equal(t, want.Reason, s.Reason)
	require.Equal(t, want.Parked, s.Parked)

	o = run(t, "status -json", held(), quiet("api"))
	require.Len(t, strings.Split(strings.TrimSpace(o.out), "\n"), 2)
	o = run(t, "history -json", told())
	require.Len(t, strings.Split(strings.TrimSpace(o.out), "\n"), 4)
}

func TestEveryCommandSpeaksJSON(t *testing.T) {
	e := stopped()
	e.logs = map[string]string{"44-rollback": "one\n"}
	e.deploys = told().deploys
	for _, line := range []string{
		"status", "why 77aa010", "plan", "history", "stats", "log", "hold -reason x", "unhold abcd", "deploy 77aa010 -reason x",
		"rollback -yes -reason x -from 42", "resume -from 9f3c001", "adopt 77aa010", "settle", "run",
	} {
		o := run(t, line+" -json", e)
		require.Zero(t, o.code, "%s: %s", line, o.err)
		for text := range strings.Lines(o.out) {
			var object map[string]any
			require.NoError(t, json.Unmarshal([]byte(text), &object), line)
			require.NotEmpty(t, object, line)
		}
		require.Empty(t, o.err, line)
	}
}

func TestRequestsAnswerInOneShape(t *testing.T) {
	o := run(t, "rollback -yes -reason x -json", quiet("web"))
	require.JSONEq(t, `{"pipeline":"web","request":"rollback","id":"req-1"}`, o.out)
}
