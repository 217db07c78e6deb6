package pipeline

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// running is a record of three releases of which the third is live.
func running() *Record {
	r := &Record{Schema: Schema, Name: "web", Epoch: 4, Lease: "l", Grant: 4, Number: 10, Releases: 3, Live: release(3)}
	for n := 1; n <= 3; n++ {
		r.Served = append(r.Served, Served{Release: *release(n), Batch: []string{rev(n)}, At: noon})
	}
	return r
}

// deploying is running with a deploy of 5 open, which brings 4 too.
func deploying() *Record {
	r := running()
	r.Releases = 5
	r.Open = &Attempt{ID: release(5).ID, Kind: KindDeploy, From: release(3), To: *release(5), Batch: []string{rev(5), rev(4)}, Began: noon}
	return r
}

// switching is deploying with a batch begun on one target.
func switching() *Record {
	r := deploying()
	must(r.batch(r.Open.ID, "production", "fleet", target.Step{Batch: 1, Batches: 3, Units: []string{"a"}}))
	return r
}

// rollingBack is switching, undone by ann.
func rollingBack() *Record {
	r := switching()
	must(r.rollback(Asked{ID: "q", By: "ann", Reason: "500s"}, r.Open.ID, "", noon))
	return r
}

// stopped is rollingBack, ended.
func stopped() *Record {
	r := rollingBack()
	must(r.finish(r.Open.ID, RolledBack, "", nil, noon))
	return r
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func document(t *testing.T, r *Record) string {
	t.Helper()
	data, err := r.encode()
	require.NoError(t, err)
	return string(data)
}

func goTo(n int) Decision {
	c := Change{Revision: rev(n), Subject: "s"}
	return Decision{Go: true, Change: &c, Batch: []Change{c, {Revision: rev(n - 1)}}}
}

// transitionCase is one transition, where it may be made, and where it may not.
type transitionCase struct {
	name  string
	from  func() *Record
	apply func(*Record) error
	check func(*testing.T, *Record)
	wrong map[string]func() *Record
}

var elsewhere = map[string]func() *Record{
	"nothing is open": running,
	"another deploy is open": func() *Record {
		r := deploying()
		r.Open.ID = "6-0000006"
		return r
	},
	"a rollback is open": rollingBack,
}

const openID = "5-0000005"

var transitionCases = []transitionCase{
	{name: "claim", from: running,
		apply: func(r *Record) error { return r.claim("l", 5, "me") },
		check: func(t *testing.T, r *Record) { assert.Equal(t, uint64(5), r.Epoch); assert.Equal(t, "me", r.Holder) },
		wrong: map[string]func() *Record{"a later grant has claimed": func() *Record { r := running(); r.Grant = 6; return r }}},
	{name: "begin", from: running,
		apply: func(r *Record) error { return r.begin(goTo(5), noon) },
		check: func(t *testing.T, r *Record) {
			assert.Equal(t, "4-0000005", r.Open.ID)
			assert.Equal(t, []string{rev(5), rev(4)}, r.Open.Batch)
			assert.Equal(t, release(3), r.Open.From)
		},
		wrong: map[string]func() *Record{"a deploy is open": deploying, "a rollback is open": rollingBack, "it is stopped": stopped}},
	{name: "built", from: deploying,
		apply: func(r *Record) error { return r.built(openID, "d") },
		check: func(t *testing.T, r *Record) { assert.Equal(t, "d", r.Open.To.Digest) }, wrong: elsewhere},
	{name: "prepared", from: deploying,
		apply: func(r *Record) error { return r.prepared(openID) },
		check: func(t *testing.T, r *Record) { assert.True(t, r.Open.Prepared) }, wrong: elsewhere},
	{name: "hook begun", from: deploying,
		apply: func(r *Record) error { return r.hook(openID, "s", "migrate", HookBegun, false) },
		check: func(t *testing.T, r *Record) { assert.Equal(t, HookBegun, r.Open.stage("s").Hooks["migrate"]) }, wrong: elsewhere},
	{name: "hook done", from: deploying,
		apply: func(r *Record) error { return r.hook(openID, "s", "migrate", HookDone, true) },
		check: func(t *testing.T, r *Record) { assert.Equal(t, HookDone, r.Open.stage("s").Hooks["migrate"]) }, wrong: elsewhere},
	{name: "stage", from: deploying,
		apply: func(r *Record) error {
			return r.stageAt(openID, "s", func(p *StageProgress) { p.Activated = noon })
		},
		check: func(t *testing.T, r *Record) { assert.Equal(t, noon, r.Open.stage("s").Activated) }, wrong: elsewhere},
	{name: "activated", from: switching,
		apply: func(r *Record) error { return r.activated(openID, "production", "fleet", true, nil) },
		check: func(t *testing.T, r *Record) {
			assert.True(t, r.Open.stage("production").Targets["fleet"].Done)
		}, wrong: elsewhere},
	{name: "batch", from: deploying,
		apply: func(r *Record) error {
			if r.Open != nil && len(r.Open.begun()) > 0 {
				return errOvertaken // counted again it would still be begun; here it is to be the same
			}
			return r.batch(openID, "production", "fleet", target.Step{Batch: 1, Units: []string{"a"}})
		},
		check: func(t *testing.T, r *Record) { assert.Equal(t, []string{"fleet"}, r.Open.begun()) },
		wrong: map[string]func() *Record{
			"nothing is open": running, "a rollback is open": rollingBack,
			"it is being aborted": func() *Record { r := deploying(); r.Open.Abort = &Asked{By: "ann"}; return r },
			"it is stopped":       func() *Record { r := deploying(); r.Stop = &Stop{ID: "s"}; return r },
		}},
	{name: "drop", from: deploying,
		apply: func(r *Record) error {
			return r.drop(openID, FailedEnd, "broke", &Parked{Revision: rev(5), Reason: "broke", At: noon}, noon)
		},
		check: func(t *testing.T, r *Record) {
			assert.Nil(t, r.Open)
			assert.Equal(t, release(3), r.Live)
			assert.NotNil(t, r.parked(rev(5)))
			assert.Equal(t, FailedEnd, r.Ended[0].End)
		}, wrong: elsewhere},
	{name: "live", from: func() *Record { r := deploying(); r.Floor = rev(4); return r },
		apply: func(r *Record) error { return r.live(openID, Live, noon) },
		check: func(t *testing.T, r *Record) {
			assert.Equal(t, release(5), r.Live)
			assert.Empty(t, r.Floor, "a descendant of the floor is live")
			assert.Equal(t, []string{rev(5), rev(4)}, r.Served[3].Batch)
			assert.Equal(t, Live, r.Ended[0].End)
		}, wrong: elsewhere},
	{name: "rollback", from: switching,
		apply: func(r *Record) error { return r.rollback(Asked{By: "ann", Reason: "500s"}, openID, "", noon) },
		check: func(t *testing.T, r *Record) { assert.Equal(t, KindRollback, r.Open.Kind) },
		wrong: map[string]func() *Record{"it is not on its way": running, "it was rolled back": rollingBack, "it was rolled back and that ended": stopped}},
	{name: "finish", from: rollingBack,
		apply: func(r *Record) error { return r.finish("6-rollback", RolledBack, "", nil, noon) },
		check: func(t *testing.T, r *Record) {
			assert.Nil(t, r.Open)
			assert.Equal(t, "6-rollback", r.Stop.ID, "the stop stays")
			require.Len(t, r.Ended, 2)
			assert.Equal(t, []any{openID, RolledBack}, []any{r.Ended[0].ID, r.Ended[0].End})
			assert.Equal(t, []any{"6-rollback", RolledBack}, []any{r.Ended[1].ID, r.Ended[1].End})
		},
		wrong: map[string]func() *Record{"nothing is open": running, "a deploy is open": deploying, "another rollback is open": func() *Record {
			r := rollingBack()
			r.Open.ID = "7-rollback"
			return r
		}}},
	{name: "fail", from: switching,
		apply: func(r *Record) error { return r.fail(openID, "unit a answers 500", noon) },
		check: func(t *testing.T, r *Record) {
			assert.Equal(t, KindRollback, r.Open.Kind)
			assert.Equal(t, automation, r.Stop.By)
		}, wrong: elsewhere},
	{name: "stop itself", from: running,
		apply: func(r *Record) error { return r.stopItself(StopDiverged, "the branch went elsewhere", noon) },
		check: func(t *testing.T, r *Record) { assert.Equal(t, StopDiverged, r.Stop.Kind) },
		wrong: map[string]func() *Record{"a deploy is open": deploying, "it is stopped": stopped}},
	{name: "refuse wanted", from: func() *Record {
		r := running()
		r.Wanted = &Wanted{Asked: Asked{ID: "w", By: "ann", Reason: "now"}, Revision: rev(9), At: noon}
		return r
	},
		apply: func(r *Record) error { return r.refuseWanted("w", "it is nowhere", noon) },
		check: func(t *testing.T, r *Record) { assert.Nil(t, r.Wanted); assert.Equal(t, FailedEnd, r.Ended[0].End) },
		wrong: map[string]func() *Record{"nothing is wanted": running}},
}

func TestEachTransitionIsMadeOnceAndRefusedFromEveryWrongState(t *testing.T) {
	for _, c := range transitionCases {
		t.Run(c.name, func(t *testing.T) {
			r := c.from()
			require.NoError(t, c.apply(r))
			c.check(t, r)
			once := document(t, r)
			if err := c.apply(r); err == nil {
				assert.Equal(t, once, document(t, r), "applied twice is applied once")
			}
			for name, wrong := range c.wrong {
				r := wrong()
				before := document(t, r)
				assert.Error(t, c.apply(r), name)
				assert.Equal(t, before, document(t, r), "refused while %s, but changed", name)
			}
		})
	}
}

// requestCase is a request, where it may be applied, and where it is refused.
type requestCase struct {
	name  string
	from  func() *Record
	ask   Request
	check func(*testing.T, *Record)
	wrong map[string]func() *Record
	code  RefusalCode
}

func asked(id string) Asked { return Asked{ID: id, By: "ann", Reason: "500s"} }

var requestCases = []requestCase{
	{name: "hold", from: deploying, ask: PlaceHold{Asked: asked("h")},
		check: func(t *testing.T, r *Record) {
			require.Len(t, r.Holds, 1)
			assert.Equal(t, lock.Hold{ID: "h", Scope: lock.Pipeline("web"), Level: lock.Deploys, By: "ann", Reason: "500s", Since: noon}, r.Holds[0])
		}},
	{name: "lift", from: func() *Record { r := running(); r.Holds = []lock.Hold{aHold("h", time.Time{})}; return r },
		ask: LiftHold{Asked: asked("l"), Hold: "h"}, check: func(t *testing.T, r *Record) { assert.Empty(t, r.Holds) },
		wrong: map[string]func() *Record{"there is no such hold": running}, code: Outdated},
	{name: "ship", from: running, ask: Ship{Asked: asked("s"), Revision: rev(5), Holds: []string{"h"}, Unjudged: true},
		check: func(t *testing.T, r *Record) {
			assert.Equal(t, &Wanted{Asked: asked("s"), Revision: rev(5), Override: Override{Holds: []string{"h"}, Unjudged: true}, At: noon}, r.Wanted)
		},
		wrong: map[string]func() *Record{"it is stopped": stopped, "it is quarantined": func() *Record {
			r := stopped()
			r.Stop = nil
			return r
		}, "it is live": func() *Record { r := running(); r.Served[2].Batch = []string{rev(5)}; return r }}, code: Impossible},
	{name: "ship what is on its way", from: running, ask: Ship{Asked: asked("s"), Revision: rev(5)}, check: func(*testing.T, *Record) {},
		wrong: map[string]func() *Record{"it is open": deploying}, code: Outdated},
	{name: "roll back what is live", from: running, ask: Rollback{Asked: asked("r"), From: release(3).ID},
		check: func(t *testing.T, r *Record) {
			assert.Equal(t, release(2), r.Live)
			assert.True(t, r.Open.Everywhere)
		},
		wrong: map[string]func() *Record{"it was rolled back": func() *Record { r := running(); must(r.rollback(asked("x"), release(3).ID, "", noon)); return r }},
		code:  Outdated},
	{name: "roll back to a named release", from: running, ask: Rollback{Asked: asked("r"), From: release(3).ID, To: release(1).ID},
		check: func(t *testing.T, r *Record) {
			assert.Equal(t, release(1), r.Live)
			assert.True(t, r.excluded(rev(2)))
			assert.True(t, r.excluded(rev(3)))
		},
		wrong: map[string]func() *Record{
			"it is quarantined":     func() *Record { r := running(); r.Excluded = []Excluded{{Revision: rev(1)}}; return r },
			"it was never live":     func() *Record { r := running(); r.Served = r.Served[1:]; return r },
			"it is the same":        func() *Record { r := running(); r.Served[0].Digest = release(3).Digest; return r },
			"nothing was ever live": func() *Record { return &Record{Schema: Schema, Name: "web"} },
		}, code: Impossible},
	{name: "roll back with nothing to go back to", from: running, ask: Rollback{Asked: asked("r"), From: release(3).ID}, check: func(*testing.T, *Record) {},
		wrong: map[string]func() *Record{"it is the first": func() *Record { r := running(); r.Served = r.Served[2:]; return r }}, code: Impossible},
	{name: "resume", from: stopped, ask: Resume{Asked: asked("u"), Stop: "6-rollback", From: rev(7)},
		check: func(t *testing.T, r *Record) { assert.Nil(t, r.Stop); assert.Equal(t, rev(7), r.Floor) },
		wrong: map[string]func() *Record{"it is not stopped": running, "it is another stop": func() *Record {
			r := stopped()
			r.Stop.ID = "8-rollback"
			return r
		}}, code: Outdated},
	{name: "resume from what is fixed", from: stopped, ask: Resume{Asked: asked("u"), Stop: "6-rollback", From: rev(7)}, check: func(*testing.T, *Record) {},
		wrong: map[string]func() *Record{"the rollback is under way": rollingBack, "it is quarantined": func() *Record {
			r := stopped()
			r.Excluded = append(r.Excluded, Excluded{Revision: rev(7), Stop: "6-rollback"})
			return r
		}}, code: Impossible},
	{name: "abort", from: deploying, ask: Abort{Asked: asked("a"), Deploy: openID},
		check: func(t *testing.T, r *Record) { assert.Equal(t, "ann", r.Open.Abort.By) },
		wrong: map[string]func() *Record{"nothing is open": running, "it is being aborted": func() *Record {
			r := deploying()
			r.Open.Abort = &Asked{By: "bob"}
			return r
		}}, code: Outdated},
	{name: "abort what a person asked for", from: func() *Record { r := running(); r.Wanted = &Wanted{Asked: asked("w")}; return r },
		ask: Abort{Asked: asked("a"), Deploy: "w"}, check: func(t *testing.T, r *Record) { assert.Nil(t, r.Wanted) }},
	{name: "answer done", from: hooked, ask: Answer{Asked: asked("n"), Deploy: openID, Hook: "migrate", Done: true},
		check: func(t *testing.T, r *Record) { assert.Equal(t, HookDone, r.Open.stage("s").Hooks["migrate"]) },
		wrong: map[string]func() *Record{"nothing waits": deploying, "nothing is open": running}, code: Outdated},
	{name: "answer again", from: hooked, ask: Answer{Asked: asked("n"), Deploy: openID, Hook: "migrate"},
		check: func(t *testing.T, r *Record) { assert.Empty(t, r.Open.stage("s").Hooks["migrate"]) }},
}

func hooked() *Record {
	r := deploying()
	must(r.hook(openID, "s", "migrate", HookBegun, false))
	return r
}

func TestEachRequestIsAppliedOnceAndRefusedFromEveryWrongState(t *testing.T) {
	for _, c := range requestCases {
		t.Run(c.name, func(t *testing.T) {
			r := c.from()
			require.NoError(t, r.apply(c.ask, noon))
			c.check(t, r)
			once := document(t, r)
			require.NoError(t, r.apply(c.ask, noon), "the same id is no error")
			assert.Equal(t, once, document(t, r))
			for name, wrong := range c.wrong {
				r := wrong()
				before := document(t, r)
				err := r.apply(c.ask, noon)
				var refusal *Refusal
				require.True(t, errors.As(err, &refusal), "while %s: %v", name, err)
				assert.Equal(t, c.code, refusal.Code, "while %s: %v", name, err)
				assert.NotEmpty(t, refusal.Reason)
				assert.Equal(t, before, document(t, r), "refused while %s, but changed", name)
			}
		})
	}
}

func TestLaw03_OnlyARollbackReplacesAReleaseByAnOlderOne(t *testing.T) {
	s := aheadOf(4)
	s.Record = *running()
	s.Branch = branchTo(4, 3)
	for n := 1; n <= 3; n++ {
		s.Record.Wanted = &Wanted{Asked: asked("w"), Revision: rev(n), Override: Override{Unjudged: true}}
		d := Decide(s)
		assert.False(t, d.Go, "automation goes back to %d", n)
		assert.True(t, d.Refuse)
		assert.ErrorContains(t, running().apply(Ship{Asked: asked("s"), Revision: rev(n)}, noon), "only a rollback goes back")
	}
	r := running()
	err := r.apply(Rollback{Asked: asked("r"), From: release(3).ID, To: release(3).ID}, noon)
	assert.ErrorContains(t, err, "a rollback goes back")
}

func TestLaw04_ARollbackLeavesHoldsAlone(t *testing.T) {
	r := switching()
	r.Holds = []lock.Hold{aHold("h", time.Time{}), aHold("i", noon.Add(time.Hour))}
	holds := fmt.Sprint(r.Holds)
	require.NoError(t, r.apply(Rollback{Asked: asked("r"), From: openID}, noon))
	require.NoError(t, r.finish(r.Open.ID, RolledBack, "", nil, noon))
	assert.Equal(t, holds, fmt.Sprint(r.Holds))
	require.NoError(t, r.apply(Resume{Asked: asked("u"), Stop: r.Stop.ID, From: rev(7)}, noon))
	assert.Equal(t, holds, fmt.Sprint(r.Holds), "a resume lifts no hold")
}

func TestLaw04_LiftingOneHoldLiftsNoOtherAndNoStop(t *testing.T) {
	r := stopped()
	r.Holds = []lock.Hold{aHold("h", time.Time{}), aHold("i", time.Time{}), aHold("j", time.Time{})}
	require.NoError(t, r.apply(LiftHold{Asked: asked("l"), Hold: "i"}, noon))
	require.Len(t, r.Holds, 2)
	assert.Equal(t, "h", r.Holds[0].ID)
	assert.Equal(t, "j", r.Holds[1].ID)
	assert.NotNil(t, r.Stop)
}

func TestLaw04_AResumeEndsOnlyTheStopThatItNames(t *testing.T) {
	r := stopped()
	err := r.apply(Resume{Asked: asked("u"), Stop: "1-rollback", From: rev(7)}, noon)
	require.ErrorContains(t, err, "look again before you resume")
	require.NotNil(t, r.Stop)
}

func TestLaw05_ARollbackIsOneWrite(t *testing.T) {
	r := switching()
	require.NoError(t, r.apply(Rollback{Asked: asked("r"), From: openID}, noon))
	require.NotNil(t, r.Open)
	assert.Equal(t, KindRollback, r.Open.Kind)
	assert.Equal(t, *release(3), r.Open.To)
	assert.Equal(t, []string{"fleet"}, r.Open.Targets)
	assert.Equal(t, release(3), r.Live)
	require.NotNil(t, r.Stop)
	assert.Equal(t, r.Open.ID, r.Stop.ID)
	assert.Equal(t, openID, r.Stop.From.ID)
	assert.True(t, r.excluded(rev(5)))
	assert.True(t, r.excluded(rev(4)), "the whole batch")
	assert.False(t, r.excluded(rev(3)), "what it goes back to")
	assert.True(t, r.applied("r"))
	require.Len(t, r.Open.Undone, 1)

	var refusal *Refusal
	require.ErrorAs(t, r.apply(Rollback{Asked: Asked{ID: "r2", By: "bob", Reason: "me too"}, From: openID}, noon), &refusal)
	assert.Equal(t, Outdated, refusal.Code)
	assert.Contains(t, refusal.Reason, "it may have been rolled back already")
}

func TestLaw05_ARollbackOfWhatIsLiveTakesTheOpenDeployWithIt(t *testing.T) {
	r := switching()
	require.NoError(t, r.apply(Rollback{Asked: asked("r"), From: release(3).ID}, noon))
	assert.Equal(t, release(2), r.Live)
	assert.True(t, r.Open.Everywhere)
	for n := 3; n <= 5; n++ {
		assert.True(t, r.excluded(rev(n)), n)
	}
}

func TestLaw05_ASecondRollbackTakesOverTheFirstAndDeclaresIt(t *testing.T) {
	r := rollingBack()
	require.NoError(t, r.apply(Rollback{Asked: asked("r2"), From: release(3).ID}, noon))
	assert.Equal(t, release(2), r.Live)
	require.Len(t, r.Ended, 1)
	assert.Equal(t, Superseded, r.Ended[0].End)
	require.NoError(t, r.finish(r.Open.ID, RollbackFailed, "b does not answer", []target.Unit{{Name: "b"}}, noon))
	require.Len(t, r.Ended, 3, "the deploy that both undid ends too")
	assert.Equal(t, RollbackFailed, r.Ended[1].End)
}

func TestLaw05_AFirstDeployWithNothingToGoBackToEndsFailedAndStopped(t *testing.T) {
	r := switching()
	r.Served, r.Live, r.Open.From = nil, nil, nil
	require.NoError(t, r.fail(openID, "unit a answers 500", noon))
	assert.Nil(t, r.Open)
	assert.Equal(t, StopFailed, r.Stop.Kind)
	assert.Equal(t, FailedEnd, r.Ended[0].End)
	assert.True(t, r.excluded(rev(5)))
}

func TestLaw06_AResumeShipsFromTheNamedCommitAndNeverTheQuarantined(t *testing.T) {
	r := stopped()
	require.ErrorContains(t, r.apply(Resume{Asked: asked("u"), Stop: r.Stop.ID, From: rev(5)}, noon), "name a commit that has the fix")
	require.NoError(t, r.apply(Resume{Asked: asked("v"), Stop: r.Stop.ID, From: rev(7)}, noon))
	s := aheadOf(8)
	s.Record, s.Branch = *r, branchTo(8, 3)
	s.Branch.FromFloor = 2
	s.Verdicts = map[string]Verdict{rev(6): Passed, rev(5): Passed, rev(4): Passed}
	assert.Nil(t, Decide(s).Change, "6 holds the bad 5 without the fix in 7")
	s.Verdicts[rev(7)] = Passed
	assert.Equal(t, rev(7), Decide(s).Change.Revision)
}

func TestLaw06_TheRollbackSkipsReleasesOfTheSameArtifactAndTheQuarantined(t *testing.T) {
	r := running()
	r.Served[1].Digest = release(3).Digest
	require.NoError(t, r.apply(Rollback{Asked: asked("r"), From: release(3).ID}, noon))
	assert.Equal(t, release(1), r.Live)
	assert.True(t, r.excluded(rev(2)))
}

func TestTheRecordStaysWithinItsBounds(t *testing.T) {
	r := running()
	for n := range 1200 {
		r.Excluded = append(r.Excluded, Excluded{Revision: rev(n), Stop: "9-rollback"})
		s := Served{Release: *release(n)}
		for range 300 {
			s.Batch = append(s.Batch, rev(n))
		}
		r.Served = append(r.Served, s)
		r.park(Parked{Revision: rev(n), Reason: strings.Repeat("x", 5000)})
	}
	r.trim()
	data, err := r.encode()
	require.NoError(t, err)
	assert.Less(t, len(data), lock.MaxDocument)
	assert.Equal(t, release(1199).ID, r.Served[len(r.Served)-1].ID, "the newest stay")
	assert.Equal(t, rev(1199), r.Excluded[len(r.Excluded)-1].Revision)
}

func TestIdsOfRequestsAreRememberedForADayAtLeast(t *testing.T) {
	var all []Applied
	for n := range keepRequests + 100 {
		all = remember(all, fmt.Sprint(n), noon.Add(time.Duration(n)*time.Minute))
	}
	assert.Len(t, all, keepRequests+100, "all are younger than a day")
	all = remember(all, "late", noon.Add(48*time.Hour))
	assert.Len(t, all, keepRequests)
}
