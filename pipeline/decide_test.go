package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// noon is when the tables of the rule take place.
var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// rev is the n-th revision; people see its first seven characters.
func rev(n int) string { return fmt.Sprintf("%07x%033x", n, n) }

func release(n int) *target.Release {
	return &target.Release{ID: fmt.Sprintf("%d-%s", n, short(rev(n))), Revision: rev(n), Digest: fmt.Sprintf("digest-%d", n)}
}

// branchTo is a branch of the changes newest to oldest, in this order.
func branchTo(newest, oldest int) Branch {
	var b Branch
	for n := newest; n >= oldest; n-- {
		b.Changes = append(b.Changes, Change{Revision: rev(n), Subject: fmt.Sprintf("change %d", n)})
	}
	return b
}

// aheadOf is a snapshot in which change 1 is live and those up to newest passed.
func aheadOf(newest int) Snapshot {
	s := Snapshot{
		Now: noon, Branch: branchTo(newest, 1), Verdicts: map[string]Verdict{},
		Record: Record{Schema: Schema, Name: "web", Live: release(1), Releases: 1,
			Served: []Served{{Release: *release(1), Batch: []string{rev(1)}, At: noon.Add(-time.Hour)}}},
	}
	for n := range newest {
		s.Verdicts[rev(n+1)] = Passed
	}
	return s
}

func aHold(id string, until time.Time) lock.Hold {
	return lock.Hold{ID: id, Scope: lock.Pipeline("web"), Level: lock.Deploys, By: "on-call",
		Reason: "db migration", Since: noon.Add(-time.Hour), Until: until}
}

// ruleCase changes a snapshot in which 1 is live and 2 to 4 passed.
type ruleCase struct {
	name     string
	change   func(*Snapshot)
	ships    int // the revision that the rule picks; 0: none
	goes     bool
	stop     StopKind
	refuse   bool
	code     Code
	sentence string
}

var ruleCases = []ruleCase{
	{name: "the newest that passed is next", change: func(*Snapshot) {},
		ships: 4, goes: true, code: CodeNext, sentence: "0000004 is next"},
	{name: "a pending newest lets an older one go", change: func(s *Snapshot) { s.Verdicts[rev(4)] = Pending },
		ships: 3, goes: true, code: CodeNext, sentence: "0000003 is next"},
	{name: "a failed newest lets an older one go", change: func(s *Snapshot) { s.Verdicts[rev(4)] = Failed },
		ships: 3, goes: true, code: CodeNext, sentence: "0000003 is next"},
	{name: "nothing passed", change: func(s *Snapshot) { s.Verdicts = map[string]Verdict{rev(3): Failed} },
		code: CodePending, sentence: "CI has not finished for 0000004"},
	{name: "the newest failed and nothing older passed", change: func(s *Snapshot) { s.Verdicts = map[string]Verdict{rev(4): Failed} },
		code: CodeFailed, sentence: "CI failed for 0000004"},
	{name: "nothing is newer", change: func(s *Snapshot) { s.Branch = branchTo(1, 1) },
		code: CodeIdle, sentence: "up to date: 0000001 is live and nothing on the branch is newer"},
	{name: "an empty branch", change: func(s *Snapshot) { s.Branch, s.Record.Live = Branch{}, nil },
		code: CodeIdle, sentence: "nothing was deployed yet, and the branch has no change to deploy"},
	{name: "the first deploy ships the newest", change: func(s *Snapshot) { s.Record.Live, s.Record.Served = nil, nil },
		ships: 4, goes: true, code: CodeNext, sentence: "0000004 is next"},
	{name: "a quarantined newest lets an older one go", change: func(s *Snapshot) { s.Record.Excluded = []Excluded{{Revision: rev(4), Stop: "9-rollback"}} },
		ships: 3, goes: true, code: CodeNext, sentence: "0000003 is next"},
	{name: "all are quarantined", change: func(s *Snapshot) {
		for n := 2; n <= 4; n++ {
			s.Record.Excluded = append(s.Record.Excluded, Excluded{Revision: rev(n), Stop: "9-rollback"})
		}
	}, code: CodeQuarantined, sentence: "0000004 was rolled back (9-rollback) and is never shipped again: commit a fix, then resume from the fix"},
	{name: "a failed build lets an older one go", change: func(s *Snapshot) { s.Record.Parked = []Parked{{Revision: rev(4), Build: true, Reason: "no compiler"}} },
		ships: 3, goes: true, code: CodeNext, sentence: "0000003 is next"},
	{name: "a failed deploy makes older ones wait", change: func(s *Snapshot) { s.Record.Parked = []Parked{{Revision: rev(4), Reason: "port taken"}} },
		code: CodeParked, sentence: "0000004 failed (port taken); it is not tried again by itself: push a fix, or deploy it by hand"},
	{name: "only failed builds", change: func(s *Snapshot) {
		for n := 2; n <= 4; n++ {
			s.Record.Parked = append(s.Record.Parked, Parked{Revision: rev(n), Build: true, Reason: "no compiler"})
		}
	}, code: CodeParked, sentence: "0000004 failed (no compiler); its build is not tried again by itself: push a fix, or deploy it by hand"},
	{name: "a floor hides what is older", change: func(s *Snapshot) {
		s.Record.Floor, s.Branch.FromFloor = rev(4), 1
		s.Verdicts[rev(4)] = Pending
	}, code: CodePending, sentence: "CI has not finished for 0000004"},
	{name: "the floor's descendants are shipped", change: func(s *Snapshot) { s.Record.Floor, s.Branch.FromFloor = rev(3), 2 },
		ships: 4, goes: true, code: CodeNext, sentence: "0000004 is next"},
	{name: "a floor that no first parent reaches yet", change: func(s *Snapshot) { s.Record.Floor, s.Branch.FromFloor = rev(7), 0 },
		code: CodeBelowFloor, sentence: "0000004 does not descend from 0000007, the commit from which the last resume ships"},
	{name: "a floor that is gone from the branch stops", change: func(s *Snapshot) { s.Record.Floor, s.Branch.FromFloor = rev(7), -1 },
		stop: StopRewritten, code: CodeRewritten, sentence: "0000007, from which the last resume ships, is gone from the branch"},
	{name: "a branch that was pushed back waits", change: func(s *Snapshot) {
		s.Record.Live = release(9)
		s.Branch.Position = Behind
	}, code: CodeBehind, sentence: "0000009 is live, but the branch was pushed back behind it: nothing is deployed backwards; roll back, or push forward"},
	{name: "a branch that went elsewhere stops", change: func(s *Snapshot) {
		s.Record.Live = release(9)
		s.Branch.Position = Diverged
	}, stop: StopDiverged, code: CodeDiverged, sentence: "0000009 is live, and the branch was rewritten so that its head does not descend from it"},
	{name: "a hold without an end", change: func(s *Snapshot) { s.Record.Holds = []lock.Hold{aHold("h", time.Time{})} },
		ships: 4, code: CodeHeld, sentence: `held by on-call: "db migration"`},
	{name: "a hold with an end", change: func(s *Snapshot) { s.Record.Holds = []lock.Hold{aHold("h", noon.Add(5*time.Hour))} },
		ships: 4, code: CodeHeld, sentence: `held by on-call: "db migration" until 17:00 UTC`},
	{name: "a hold that ended", change: func(s *Snapshot) { s.Record.Holds = []lock.Hold{aHold("h", noon)} },
		ships: 4, goes: true, code: CodeNext, sentence: "0000004 is next"},
	{name: "a hold of wider scope", change: func(s *Snapshot) {
		h := aHold("h", time.Time{})
		h.Scope = lock.Prefix("we")
		s.Holds = []lock.Hold{h}
	}, ships: 4, code: CodeHeld, sentence: `held by on-call: "db migration"`},
	{name: "another pipeline's hold", change: func(s *Snapshot) {
		h := aHold("h", time.Time{})
		h.Scope = lock.Pipeline("shop")
		s.Holds = []lock.Hold{h}
	}, ships: 4, goes: true, code: CodeNext, sentence: "0000004 is next"},
	{name: "of two holds the one on everything is named", change: func(s *Snapshot) {
		h := aHold("z", noon.Add(time.Hour))
		h.Level = lock.Everything
		s.Record.Holds = []lock.Hold{aHold("a", time.Time{}), h}
	}, ships: 4, code: CodeHeld, sentence: `held entirely by on-call: "db migration" until 13:00 UTC`},
	{name: "a stop", change: func(s *Snapshot) { s.Record.Stop = &Stop{ID: "9-rollback", By: "ann", Reason: "500s"} },
		ships: 4, code: CodeStopped, sentence: `stopped by ann: "500s"; resume it and name the commit from which to ship`},
	{name: "a stop is said before a hold", change: func(s *Snapshot) {
		s.Record.Stop = &Stop{ID: "9-rollback", By: "ann", Reason: "500s"}
		s.Record.Holds = []lock.Hold{aHold("h", time.Time{})}
	}, ships: 4, code: CodeStopped, sentence: `stopped by ann: "500s"; resume it and name the commit from which to ship`},
	{name: "an open deploy", change: func(s *Snapshot) { s.Record.Open = &Attempt{ID: "2-0000002", Kind: KindDeploy, To: *release(2)} },
		ships: 4, code: CodeDeploying, sentence: "deploying 2-0000002"},
	{name: "an open rollback", change: func(s *Snapshot) {
		s.Record.Open = &Attempt{ID: "9-rollback", Kind: KindRollback, From: release(2), To: *release(1)}
	}, ships: 4, code: CodeRollingBack, sentence: "rolling back from 2-0000002 to 1-0000001"},
	{name: "a source that does not answer", change: func(s *Snapshot) { s.Unreachable = "list changes: no route to host" },
		ships: 4, code: CodeUnreachable, sentence: "list changes: no route to host"},
	{name: "a person's wish comes first", change: func(s *Snapshot) { s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2)} },
		ships: 2, goes: true, code: CodeNext, sentence: "0000002 is next: ann asked for it"},
	{name: "a wish waits for a verdict", change: func(s *Snapshot) {
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2)}
		s.Verdicts[rev(2)] = Pending
	}, ships: 2, code: CodePending, sentence: "CI has not finished for 0000002: ann asked for it, so other changes wait for it too"},
	{name: "a wish for what failed is refused", change: func(s *Snapshot) {
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2)}
		s.Verdicts[rev(2)] = Failed
	}, refuse: true, code: CodeFailed, sentence: "CI failed for 0000002"},
	{name: "a wish goes past a verdict if ordered to", change: func(s *Snapshot) {
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2), Override: Override{Unjudged: true}}
		s.Verdicts[rev(2)] = Failed
	}, ships: 2, goes: true, code: CodeNext, sentence: "0000002 is next: ann asked for it"},
	{name: "a wish goes past the hold that it names", change: func(s *Snapshot) {
		s.Record.Holds = []lock.Hold{aHold("h", time.Time{})}
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2), Override: Override{Holds: []string{"h"}}}
	}, ships: 2, goes: true, code: CodeNext, sentence: "0000002 is next: ann asked for it"},
	{name: "a wish waits for the hold that it does not name", change: func(s *Snapshot) {
		s.Record.Holds = []lock.Hold{aHold("h", time.Time{}), aHold("i", time.Time{})}
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2), Override: Override{Holds: []string{"h"}}}
	}, ships: 2, code: CodeHeld, sentence: `held by on-call: "db migration"`},
	{name: "a wish for what is live is refused", change: func(s *Snapshot) { s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(1)} },
		refuse: true, code: CodeShipped, sentence: "0000001 is live already, or older than what is live: only a rollback goes back"},
	{name: "a wish for what nobody knows is refused", change: func(s *Snapshot) { s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(77)} },
		refuse: true, code: CodeUnknown, sentence: "000004d is not on the branch ahead of what is live"},
	{name: "a wish for a quarantined change is refused", change: func(s *Snapshot) {
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2), Override: Override{Unjudged: true}}
		s.Record.Excluded = []Excluded{{Revision: rev(2), Stop: "9-rollback"}}
	}, refuse: true, code: CodeQuarantined, sentence: "0000002 was rolled back (9-rollback) and is never shipped again: commit a fix, then resume from the fix"},
	{name: "a wish below the floor is refused", change: func(s *Snapshot) {
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(2)}
		s.Record.Floor, s.Branch.FromFloor = rev(3), 2
	}, refuse: true, code: CodeBelowFloor, sentence: "0000002 does not descend from 0000003, the commit from which the last resume ships"},
}

func TestTheRuleSaysWhatIsShippedAndWhyInASentence(t *testing.T) {
	for _, c := range ruleCases {
		t.Run(c.name, func(t *testing.T) {
			s := aheadOf(4)
			c.change(&s)
			d := Decide(s)
			assert.Equal(t, c.goes, d.Go, "go")
			assert.Equal(t, c.stop, d.Stop, "stop")
			assert.Equal(t, c.refuse, d.Refuse, "refuse")
			assert.Equal(t, c.code, d.Reason.Code)
			assert.Equal(t, c.sentence, d.Reason.Sentence)
			if c.ships == 0 {
				assert.Nil(t, d.Change)
				return
			}
			require.NotNil(t, d.Change)
			assert.Equal(t, rev(c.ships), d.Change.Revision)
		})
	}
}

func TestLaw01_TheNewestByAncestryIsShippedWhateverTheClocksSay(t *testing.T) {
	s := aheadOf(4)
	for i := range s.Branch.Changes { // the newest commit carries the oldest time
		s.Branch.Changes[i].Time = noon.Add(time.Duration(i) * time.Hour)
	}
	d := Decide(s)
	require.True(t, d.Go)
	assert.Equal(t, rev(4), d.Change.Revision)
}

func TestLaw01_WhatLiesBetweenIsBatchedIntoTheNewest(t *testing.T) {
	s := aheadOf(5)
	s.Verdicts[rev(5)] = Pending
	s.Verdicts[rev(3)] = Failed
	d := Decide(s)
	require.True(t, d.Go)
	assert.Equal(t, []string{rev(4), rev(3), rev(2)}, revisions(d.Batch))
}

func TestLaw01_AWishBringsNothingThatIsNewer(t *testing.T) {
	s := aheadOf(5)
	s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(3)}
	assert.Equal(t, []string{rev(3), rev(2)}, revisions(Decide(s).Batch))
}

// randomSnapshot is a state that the rule may be asked about: also such as no
// history leads to.
func randomSnapshot(rnd *rand.Rand) Snapshot {
	n := 1 + rnd.IntN(12)
	s := aheadOf(n)
	for i := range n {
		s.Verdicts[rev(i+1)] = []Verdict{Pending, Passed, Passed, Failed}[rnd.IntN(4)]
		if rnd.IntN(4) == 0 {
			s.Record.Excluded = append(s.Record.Excluded, Excluded{Revision: rev(i + 1), Stop: "9-rollback"})
		}
		if rnd.IntN(6) == 0 {
			s.Record.Parked = append(s.Record.Parked, Parked{Revision: rev(i + 1), Build: rnd.IntN(2) == 0, Reason: "r"})
		}
	}
	chance := func(n int, f func()) {
		if rnd.IntN(n) == 0 {
			f()
		}
	}
	chance(3, func() { s.Record.Floor, s.Branch.FromFloor = rev(1+rnd.IntN(n+2)), rnd.IntN(n+2)-1 })
	chance(6, func() { s.Branch.Position = []Position{Behind, Diverged}[rnd.IntN(2)] })
	chance(8, func() { s.Record.Live, s.Record.Served = nil, nil })
	chance(6, func() { s.Record.Stop = &Stop{ID: "9-rollback", By: "ann", Reason: "500s"} })
	chance(6, func() { s.Record.Holds = []lock.Hold{aHold("h", time.Time{})} })
	chance(9, func() { s.Unreachable = "no route to host" })
	chance(4, func() {
		s.Record.Wanted = &Wanted{Asked: Asked{By: "ann"}, Revision: rev(rnd.IntN(n + 2)),
			Override: Override{Holds: []string{"h"}, Unjudged: rnd.IntN(2) == 0}}
	})
	chance(8, func() {
		o := 1 + rnd.IntN(n)
		s.Record.Open = &Attempt{ID: release(o).ID, Kind: KindDeploy, From: release(1), To: *release(o), Batch: []string{rev(o)}}
	})
	chance(12, func() {
		s.Record.Open = &Attempt{ID: "9-rollback", Kind: KindRollback, From: release(1 + rnd.IntN(n)), To: *release(1)}
	})
	return s
}

// checkPick complains of a decision that breaks a law.
func checkPick(s Snapshot, d Decision) error {
	if d.Reason.Code == "" || d.Reason.Sentence == "" {
		return fmt.Errorf("the decision gives no reason: %+v", d.Reason)
	}
	if d.Change == nil {
		if d.Go {
			return fmt.Errorf("goes without a change")
		}
		return nil
	}
	picked := d.Change.Revision
	at := slices.IndexFunc(s.Branch.Changes, func(c Change) bool { return c.Revision == picked })
	wanted := s.Record.Wanted != nil
	switch live := slices.IndexFunc(s.Branch.Changes, func(c Change) bool { return c.Revision == s.Record.liveRevision() }); {
	case s.Record.excluded(picked):
		return fmt.Errorf("picked the quarantined %s", short(picked))
	case live >= 0 && at >= live || s.Branch.Position != On:
		return fmt.Errorf("picked %s, which is not ahead of what is live", short(picked))
	case s.Record.Floor != "" && at >= s.Branch.FromFloor:
		return fmt.Errorf("picked %s, which is below the floor", short(picked))
	case !wanted && s.Verdicts[picked] != Passed:
		return fmt.Errorf("picked %s, whose verdict is %q", short(picked), s.Verdicts[picked])
	case d.Go && (s.Record.Open != nil || s.Record.Stop != nil || s.Unreachable != "" || d.Stop != ""):
		return fmt.Errorf("goes while open, stopped or blind")
	case d.Go && len(s.Record.Holds) > 0 && !wanted:
		return fmt.Errorf("goes while held")
	case len(d.Batch) == 0 || d.Batch[0].Revision != picked:
		return fmt.Errorf("the batch does not begin with what was picked")
	}
	return nil
}

func TestLaw06_AutomationNeverPicksTheQuarantinedTheOlderOrWhatIsBelowTheFloor(t *testing.T) {
	const seed = 20260302
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for i := range 20_000 {
		s := randomSnapshot(rnd)
		require.NoError(t, checkPick(s, Decide(s)), "history %d: %+v", i, s)
	}
}

func FuzzDecide(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		s := randomSnapshot(rand.New(rand.NewPCG(seed, 2)))
		if err := checkPick(s, Decide(s)); err != nil {
			t.Fatalf("%v\n%+v", err, s)
		}
	})
}

// BenchmarkDecide judges 10,000 changes of which 50 ranges of 20 are quarantined
// and nothing passed but the oldest, so that the rule looks at all of them.
func BenchmarkDecide(b *testing.B) {
	const changes = 10_000
	s := aheadOf(changes)
	for n := 3; n <= changes; n++ {
		s.Verdicts[rev(n)] = Failed
	}
	for i := range 50 {
		for j := range 20 {
			n := rev(i*200 + j + 100)
			s.Verdicts[n] = Passed
			s.Record.Excluded = append(s.Record.Excluded, Excluded{Revision: n, Stop: "9-rollback"})
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if d := Decide(s); d.Change == nil || d.Change.Revision != rev(2) {
			b.Fatalf("picked %+v", d.Change)
		}
	}
}
