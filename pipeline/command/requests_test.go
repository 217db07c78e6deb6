package command_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // also where the machine has none

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

func ann(reason string) pipeline.Asked { return pipeline.Asked{By: "ann@laptop", Reason: reason} }

func TestRollbackUndoesWhatIsOnItsWayElseWhatIsLive(t *testing.T) {
	e := quiet("web")
	o := run(t, "rollback -yes -reason broken", e)
	require.Zero(t, o.code, o.err)
	require.Equal(t, []pipeline.Request{pipeline.Rollback{Asked: ann("broken"), From: "42-3f9a1c0", To: "41-1111111"}}, e.asked)

	e = deploying()
	require.Zero(t, run(t, "rollback -yes -reason broken", e).code)
	require.Equal(t, []pipeline.Request{pipeline.Rollback{Asked: ann("broken"), From: "43-77aa010", To: "42-3f9a1c0"}}, e.asked)
}

func TestRollbackPressedTwiceDoesNotUndoTwo(t *testing.T) {
	e := stopped()
	o := run(t, "rollback -yes -reason broken", e)
	require.Equal(t, 3, o.code)
	require.Empty(t, e.asked)
	golden(t, "rollback-twice", o.err)

	require.Zero(t, run(t, "rollback -yes -reason broken -from 42", e).code, "named, it is meant")
	require.Equal(t, "42-3f9a1c0", e.asked[0].(pipeline.Rollback).From)
}

func TestRollbackAsksForAReasonAndForAYes(t *testing.T) {
	e := quiet("web")
	o := terminal{asks: true, stdin: "y\ncheckout is broken\n"}.run(t, []string{"rollback"}, e)
	require.Zero(t, o.code)
	require.Equal(t, "checkout is broken", e.asked[0].(pipeline.Rollback).Reason)
	golden(t, "rollback-asks", o.err+"\n---\n"+o.out)
}

func TestRollbackWithoutAYesChangesNothing(t *testing.T) {
	for name, x := range map[string]terminal{
		"said no":      {asks: true, stdin: "n\n"},
		"said nothing": {asks: true, stdin: ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := quiet("web")
			o := x.run(t, []string{"rollback", "-reason", "broken"}, e)
			require.Equal(t, 3, o.code)
			require.Empty(t, e.asked)
		})
	}
	e := quiet("web")
	o := run(t, "rollback -reason broken", e)
	require.Equal(t, 2, o.code)
	require.Contains(t, o.err, "say -yes where nobody can be asked")
	require.Empty(t, e.asked)
}

func TestRollbackSkipsQuarantinedReleasesAndEqualArtifacts(t *testing.T) {
	e := quiet("web")
	e.status.Served = []pipeline.Served{
		{Release: release("1-aaaaaaa", "aaaaaaa")},
		{Release: release("2-bbbbbbb", "bbbbbbb")},
		{Release: release("3-ccccccc", "ccccccc")},
		{Release: release("4-3f9a1c0", good)},
	}
	e.status.Served[2].Digest = e.status.Served[3].Digest
	e.status.Excluded = []pipeline.Excluded{{Revision: "bbbbbbb"}}
	e.status.Live = &e.status.Served[3]
	require.Zero(t, run(t, "rollback -yes -reason broken", e).code)
	require.Equal(t, "1-aaaaaaa", e.asked[0].(pipeline.Rollback).To)
}

func TestNothingIsAskedWithoutAReason(t *testing.T) {
	for _, line := range []string{"hold", "deploy 77aa010", "rollback -yes", "abort"} {
		e := deploying()
		o := run(t, line, e)
		require.Equal(t, 2, o.code, line)
		require.Contains(t, o.err, "-reason", line)
		require.Empty(t, e.asked, line)
	}
}

func TestWhoAsksHasToBeKnown(t *testing.T) {
	e := quiet("web")
	require.Zero(t, run(t, "hold -reason demo -by bob", e).code)
	require.Equal(t, "bob", e.asked[0].(pipeline.PlaceHold).By)
}

func TestHoldSaysWhatIsHeldAndHowToLiftIt(t *testing.T) {
	e := quiet("web")
	e.does = func(d *desk, r pipeline.Request) {}
	o := terminal{}.run(t, []string{"hold", "-until", "17:00", "-reason", "db migration", "-level", "everything"}, e)
	require.Zero(t, o.code, o.err)
	golden(t, "hold", o.out)
	q := e.asked[0].(pipeline.PlaceHold)
	require.Regexp(t, `^[a-z2-7]{10}$`, q.ID)
	require.True(t, q.Until.Equal(at("17:00:00")))
	require.Equal(t, lock.Everything, q.Level)
	require.Empty(t, q.Scope, "the pipeline's own")
}

func TestHoldScopes(t *testing.T) {
	for scope, want := range map[string]lock.Scope{
		"all": lock.All, "*": lock.All, "web": lock.Pipeline("web"), "payments/*": lock.Prefix("payments/"),
		"prefix:payments/": lock.Prefix("payments/"), "pipeline:other": lock.Pipeline("other"),
	} {
		e := quiet("web")
		require.Zero(t, run(t, "hold -reason x -scope "+scope, e).code, scope)
		require.Equal(t, want, e.asked[0].(pipeline.PlaceHold).Scope, scope)
	}
	e := quiet("web")
	o := run(t, "hold -reason x -scope wbe", e)
	require.Equal(t, 2, o.code)
	require.Empty(t, e.asked)
}

func TestUnholdLiftsTheOneThatIsNamed(t *testing.T) {
	e := held()
	o := run(t, "unhold k3v9", e)
	require.Zero(t, o.code, o.err)
	require.Equal(t, pipeline.LiftHold{Asked: ann(""), Hold: "k3v9qz7abc"}, e.asked[0])
	golden(t, "unhold", o.out)

	e.status.Holds[1].ID = "k3v9-other"
	require.Equal(t, 2, run(t, "unhold k3v9", e).code, "it could be either")
	require.Len(t, e.asked, 1)

	require.Zero(t, run(t, "unhold k3v", e).code, "too short: left to the pipeline, which refuses it")
	require.Equal(t, "k3v", e.asked[1].(pipeline.LiftHold).Hold)
}

func TestDeployWithoutAChangeTakesThatOfAutomation(t *testing.T) {
	e := planned()
	o := run(t, "deploy -reason hotfix", e)
	require.Zero(t, o.code, o.err)
	require.Equal(t, pipeline.Ship{Asked: ann("hotfix"), Revision: next}, e.asked[0])
	golden(t, "deploy", o.out)

	e = quiet("web")
	o = run(t, "deploy -reason hotfix", e)
	require.Equal(t, 3, o.code)
	require.Contains(t, o.err, "there is nothing to deploy")
}

func TestDeployGoesPastTheHoldsThatAreNamed(t *testing.T) {
	e := held()
	o := run(t, "deploy 9f3c001 -past-hold k3v9 -past-hold p4w0aaaaaa -unjudged -reason hotfix", e)
	require.Zero(t, o.code, o.err)
	require.Equal(t, pipeline.Ship{Asked: ann("hotfix"), Revision: "9f3c001", Holds: []string{"k3v9qz7abc", "p4w0aaaaaa"}, Unjudged: true}, e.asked[0])
	require.Contains(t, o.out, `No deployer is running: "deployer settle" does it from here.`)
}

func TestResumeProposesAChangeAndAPersonConfirmsIt(t *testing.T) {
	e := stopped()
	o := terminal{asks: true, stdin: "y\n"}.run(t, []string{"resume"}, e)
	require.Zero(t, o.code, o.err)
	require.Equal(t, pipeline.Resume{Asked: ann(""), Stop: "44-rollback", From: fix}, e.asked[0])
	golden(t, "resume-asks", o.err+"\n---\n"+o.out)

	e = stopped()
	require.Equal(t, 3, terminal{asks: true, stdin: "no\n"}.run(t, []string{"resume"}, e).code)
	require.Empty(t, e.asked)

	o = run(t, "resume", e)
	require.Equal(t, 2, o.code, "where nobody can be asked, the commit has to be named")
	require.Empty(t, e.asked)
}

func TestResumeNamesTheStopThatItSaw(t *testing.T) {
	e := stopped()
	require.Zero(t, run(t, "resume -from 9f3c001", e).code)
	require.Equal(t, pipeline.Resume{Asked: ann(""), Stop: "44-rollback", From: "9f3c001"}, e.asked[0])

	o := run(t, "resume -from 9f3c001", quiet("web"))
	require.Equal(t, outcome{code: 3, err: "refused, nothing was changed: web is not stopped: there is nothing to resume\n"}, o)
}

func TestAbortEndsWhatIsUnderWayOrAskedFor(t *testing.T) {
	e := deploying()
	require.Zero(t, run(t, "abort -reason wrong", e).code)
	require.Equal(t, pipeline.Abort{Asked: ann("wrong"), Deploy: "43-77aa010"}, e.asked[0])

	e = held()
	require.Zero(t, run(t, "abort -reason wrong", e).code)
	require.Equal(t, pipeline.Abort{Asked: ann("wrong"), Deploy: "w1"}, e.asked[0])

	require.Equal(t, 3, run(t, "abort -reason wrong", quiet("web")).code)
}

func TestAnswerSaysWhatBecameOfAHook(t *testing.T) {
	e := deploying()
	o := run(t, "answer migrate done", e)
	require.Equal(t, "web: migrate counts as done, and 43-77aa010 goes on.\nNow: deploying 43-77aa010.\n", o.out)
	require.Zero(t, run(t, "answer migrate again", e).code)
	require.Equal(t, []pipeline.Request{
		pipeline.Answer{Asked: ann(""), Deploy: "43-77aa010", Hook: "migrate", Done: true},
		pipeline.Answer{Asked: ann(""), Deploy: "43-77aa010", Hook: "migrate"},
	}, e.asked)
	require.Equal(t, 2, run(t, "answer migrate maybe", e).code)
}

func TestADeployThatWaitsForAnAnswerSaysHowToGiveIt(t *testing.T) {
	e := deploying()
	e.status.Reason = pipeline.Reason{Code: pipeline.CodeWaiting, Sentence: "43-77aa010 waits: the end of hook migrate is not known"}
	require.Contains(t, run(t, "status", e).out, "deployer answer migrate done|again")
}

func TestAdoptRecordsWhatRuns(t *testing.T) {
	e := quiet("web")
	o := run(t, "adopt "+good, e)
	require.Equal(t, outcome{out: "web: what runs now is recorded as the first release, from commit 3f9a1c0.\n"}, o)
	require.Equal(t, []string{good + " ann@laptop"}, e.adopted)
}

func TestARefusalIsToldFromAnError(t *testing.T) {
	e := quiet("web")
	e.refusing = &pipeline.Refusal{Code: pipeline.Outdated, Reason: "42-3f9a1c0 is not live"}
	o := run(t, "rollback -yes -reason x", e)
	require.Equal(t, outcome{code: 3, err: "refused, nothing was changed: 42-3f9a1c0 is not live\n"}, o)

	o = run(t, "rollback -yes -reason x -json", e)
	require.Equal(t, 3, o.code)
	require.JSONEq(t, `{"error":"42-3f9a1c0 is not live","exit":3,"refusal":"outdated"}`, o.err)

	e.refusing = errGone
	require.Equal(t, outcome{code: 1, err: "the store does not answer\n"}, run(t, "hold -reason x", e))
}

func TestLogShowsTheNewestByDefault(t *testing.T) {
	e := deploying()
	e.logs = map[string]string{"43-77aa010": "build\n\x1b[31mred\x1b[0m\n10%\r20%\r\n"}
	require.Equal(t, "build\n\x1b[31mred\x1b[0m\n10%\r20%\r\n", run(t, "log", e).out, "to a file it goes as it is")
	require.Equal(t, "build\nred\n20%\n", terminal{width: 80}.run(t, []string{"log"}, e).out)
	lines := strings.Split(run(t, "log -json", e).out, "\n")
	require.JSONEq(t, `{"pipeline":"web","deploy":"43-77aa010","text":"build"}`, lines[0])

	o := run(t, "log 9", e)
	require.Equal(t, outcome{code: 3, err: "refused, nothing was changed: web has no deploy 9: \"deployer history\" lists them\n"}, o)
}

func TestUntilIsReadInItsZone(t *testing.T) {
	helsinki := time.FixedZone("EET", 7200)
	for s, want := range map[string]time.Time{
		"17:00":                     at("17:00:00"),
		"14:00":                     at("14:00:00").AddDate(0, 0, 1),
		"2h":                        at("16:40:00"),
		"3d":                        at("14:40:00").AddDate(0, 0, 3),
		"2026-05-04":                time.Date(2026, 5, 4, 0, 0, 0, 0, berlin),
		"2026-05-04T09:30":          time.Date(2026, 5, 4, 9, 30, 0, 0, berlin),
		"2026-05-04T09:30:00+02:00": time.Date(2026, 5, 4, 9, 30, 0, 0, helsinki),
	} {
		e := quiet("web")
		o := run(t, "hold -reason x -until "+s, e)
		require.Zero(t, o.code, "%s: %s", s, o.err)
		got := e.asked[0].(pipeline.PlaceHold).Until
		require.True(t, got.Equal(want), "%s: got %s, want %s", s, got, want)
	}
	for _, s := range []string{"-1h", "2020-01-01", "25:00", "soon", "99999999999999d"} {
		e := quiet("web")
		o := terminal{}.run(t, []string{"hold", "-reason", "x", "-until=" + s}, e)
		require.Equal(t, 2, o.code, s)
		require.Empty(t, e.asked, s)
	}
}

func TestUntilCountsDaysByTheCalendarWhenClocksChange(t *testing.T) {
	zone, err := time.LoadLocation("Europe/Berlin")
	require.NoError(t, err)
	e := quiet("web") // 2 March; clocks go forward on 29 March
	o := terminal{zone: zone}.run(t, []string{"hold", "-reason", "x", "-until", "30d"}, e)
	require.Zero(t, o.code, o.err)
	until := e.asked[0].(pipeline.PlaceHold).Until
	require.Equal(t, "14:40", until.In(zone).Format("15:04"))
	require.Equal(t, 30*24*time.Hour-time.Hour, until.Sub(now))
}

func FuzzUntilIsInTheFutureOrAnError(f *testing.F) {
	f.Add("17:00")
	f.Add("2h")
	f.Add("9999d")
	f.Fuzz(func(t *testing.T, s string) {
		e := quiet("web")
		o := terminal{}.run(t, []string{"hold", "-reason", "x", "-until=" + s}, e)
		if s == "" {
			return
		}
		if o.code == 0 != (len(e.asked) == 1) {
			t.Fatal("asked without success, or the other way round")
		}
		if o.code == 0 && !e.asked[0].(pipeline.PlaceHold).Until.After(now) {
			t.Fatalf("%q is over", s)
		}
	})
}
