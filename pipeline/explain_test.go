package pipeline

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
)

var explainCases = []struct {
	name     string
	change   func(*Snapshot)
	about    int
	code     Code
	sentence string
}{
	{name: "what is live", change: func(*Snapshot) {}, about: 1, code: CodeLive, sentence: "0000001 is live, as 1-0000001"},
	{name: "what is live and turned red", change: func(s *Snapshot) { s.Verdicts[rev(1)] = Failed }, about: 1,
		code: CodeAlarm, sentence: "0000001 is live, but its verdict turned red after that: roll back, or push a fix"},
	{name: "what went out with what is live", change: func(s *Snapshot) { s.Record.Served[0].Batch = []string{rev(1), rev(90)} }, about: 90,
		code: CodeShipped, sentence: "000005a is live: it was shipped with 1-0000001"},
	{name: "what is next", change: func(*Snapshot) {}, about: 4, code: CodeNext, sentence: "0000004 is next"},
	{name: "what goes out with it", change: func(*Snapshot) {}, about: 2, code: CodeBatched, sentence: "0000002 goes out with 0000004"},
	{name: "what goes out with it and is held", change: func(s *Snapshot) { s.Record.Holds = []lock.Hold{aHold("h", noon.Add(5*time.Hour))} }, about: 2,
		code: CodeHeld, sentence: `0000002 goes out with 0000004: held by on-call: "db migration" until 17:00 UTC`},
	{name: "what is held", change: func(s *Snapshot) { s.Record.Holds = []lock.Hold{aHold("h", noon.Add(5*time.Hour))} }, about: 4,
		code: CodeHeld, sentence: `held by on-call: "db migration" until 17:00 UTC`},
	{name: "what is pending", change: func(s *Snapshot) { s.Verdicts[rev(4)] = Pending }, about: 4,
		code: CodePending, sentence: "CI has not finished for 0000004"},
	{name: "what failed in CI", change: func(s *Snapshot) { s.Verdicts[rev(4)] = Failed }, about: 4,
		code: CodeFailed, sentence: "CI failed for 0000004; it goes out with the next change that passes"},
	{name: "what failed in CI and goes out with a newer one", change: func(s *Snapshot) { s.Verdicts[rev(3)] = Failed }, about: 3,
		code: CodeBatched, sentence: "0000003 goes out with 0000004"},
	{name: "what was rolled back", change: func(s *Snapshot) { s.Record.Excluded = []Excluded{{Revision: rev(3), Stop: "9-rollback"}} }, about: 3,
		code: CodeQuarantined, sentence: "0000003 was rolled back (9-rollback) and is never shipped again: commit a fix, then resume from the fix"},
	{name: "what failed to build", change: func(s *Snapshot) { s.Record.Parked = []Parked{{Revision: rev(4), Build: true, Reason: "no compiler"}} }, about: 4,
		code: CodeParked, sentence: "0000004 failed (no compiler); its build is not tried again by itself: push a fix, or deploy it by hand"},
	{name: "what is below the floor", change: func(s *Snapshot) { s.Record.Floor, s.Branch.FromFloor = rev(4), 1 }, about: 3,
		code: CodeBelowFloor, sentence: "0000003 does not descend from 0000004, the commit from which the last resume ships; it goes out with that one"},
	{name: "what is being deployed", change: func(s *Snapshot) {
		s.Record.Open = &Attempt{ID: "3-0000003", Kind: KindDeploy, To: *release(3), Batch: []string{rev(3), rev(2)}}
	}, about: 3, code: CodeDeploying, sentence: "0000003 is being deployed as 3-0000003"},
	{name: "what is being deployed as part of another", change: func(s *Snapshot) {
		s.Record.Open = &Attempt{ID: "3-0000003", Kind: KindDeploy, To: *release(3), Batch: []string{rev(3), rev(2)}}
	}, about: 2, code: CodeDeploying, sentence: "0000002 is being deployed as part of 3-0000003"},
	{name: "what waits for a deploy under way", change: func(s *Snapshot) {
		s.Record.Open = &Attempt{ID: "3-0000003", Kind: KindDeploy, To: *release(3), Batch: []string{rev(3), rev(2)}}
	}, about: 4, code: CodeDeploying, sentence: "deploying 3-0000003"},
	{name: "what is stopped", change: func(s *Snapshot) { s.Record.Stop = &Stop{ID: "9-rollback", By: "ann", Reason: "500s"} }, about: 4,
		code: CodeStopped, sentence: `stopped by ann: "500s"; resume it and name the commit from which to ship`},
	{name: "what nobody knows", change: func(*Snapshot) {}, about: 77, code: CodeUnknown,
		sentence: "000004d is not on the branch ahead of what is live: is it merged, and is the id right?"},
	{name: "what the source cannot say", change: func(s *Snapshot) { s.Branch, s.Unreachable = Branch{}, "list changes: no route to host" }, about: 77,
		code: CodeUnreachable, sentence: "list changes: no route to host"},
	{name: "a branch that went elsewhere", change: func(s *Snapshot) { s.Branch.Position = Diverged }, about: 4, code: CodeDiverged,
		sentence: "0000001 is live, and the branch was rewritten so that its head does not descend from it"},
}

func TestLaw13_EveryChangeHasAReasonAsAValueAndASentence(t *testing.T) {
	for _, c := range explainCases {
		t.Run(c.name, func(t *testing.T) {
			s := aheadOf(4)
			c.change(&s)
			r := Explain(s, rev(c.about))
			assert.Equal(t, c.code, r.Code)
			assert.Equal(t, c.sentence, r.Sentence)
			assert.Equal(t, rev(c.about), r.Revision)
			assert.Equal(t, c.sentence, r.String())
		})
	}
}

func TestExplainCompletesAnAbbreviationThatNamesOneChange(t *testing.T) {
	s := aheadOf(4)
	assert.Equal(t, rev(4), Explain(s, "0000004").Revision)
	assert.Equal(t, CodeUnknown, Explain(s, "000000").Code, "six characters are too few")
	twin := rev(4)[:20] + "ffffffffffffffffffff"
	s.Branch.Changes = append([]Change{{Revision: twin}}, s.Branch.Changes...)
	assert.Equal(t, CodeUnknown, Explain(s, "0000004").Code, "two changes begin with it")
	assert.Equal(t, twin, Explain(s, twin[:30]).Revision)
}

func TestLaw13_ExplainAnswersForEveryChangeInEveryStateAndAgreesWithTheRule(t *testing.T) {
	const seed = 1302
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 5_000 {
		s := randomSnapshot(rnd)
		d := Decide(s)
		for _, c := range s.Branch.Changes {
			r := Explain(s, c.Revision)
			require.NotEmpty(t, r.Code, "history %d", i)
			require.NotEmpty(t, r.Sentence, "history %d", i)
			require.Equal(t, c.Revision, r.Revision, "history %d", i)
			next := d.Go && d.Change.Revision == c.Revision
			require.Equal(t, next, r.Code == CodeNext, "history %d: Decide %+v, Explain %+v", i, d, r)
		}
	}
}
