package pipeline

import (
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// Snapshot is all that the rule looks at.
type Snapshot struct {
	Now    time.Time
	Record Record
	Branch Branch
	// Verdicts is CI's word on the changes of the branch; one that is not named is
	// Pending.
	Verdicts map[string]Verdict
	// Holds are those of wider scope and of calendars; the record's own are added.
	Holds []lock.Hold
	// Unreachable says why Branch or Verdicts could not be read; empty when they were.
	Unreachable string
}

// Branch is where the branch stands, seen from what is live.
type Branch struct {
	// Changes are those that descend from what is live, newest first, and then what
	// is live itself. Where nothing is live, or Position is not On, they are the
	// newest changes of the branch.
	Changes []Change
	// Position says where what is live is.
	Position Position
	// FromFloor is how many of Changes, from the newest, are the record's floor or
	// descend from it; below zero when the floor is no ancestor of the head. It
	// counts only while the record has a floor.
	FromFloor int
}

// Position is where the live release is, seen from the branch's head.
type Position string

const (
	// On is the zero Position: the head descends from what is live.
	On Position = ""
	// Behind: what is live descends from the head; the branch was pushed back.
	Behind Position = "behind"
	// Diverged: neither descends from the other.
	Diverged Position = "diverged"
)

// Decision is what the rule says.
type Decision struct {
	// Go says that Change is to be deployed now.
	Go bool
	// Change is what is to be shipped next, also while something prevents it; nil
	// when there is nothing. Batch are the changes that it brings, newest first,
	// itself included.
	Change *Change
	Batch  []Change
	// Stop says that automation has to stop itself, and why; empty: it has not.
	Stop StopKind
	// Refuse says that the deploy that a person asked for is never to be.
	Refuse bool
	// Reason says why all this.
	Reason Reason
}

// Decide is the rule: automation deploys the newest change by ancestry on the
// branch that passed CI, that is not quarantined or parked, and that descends from
// the commit named by the last resume, unless somebody holds the pipeline, it is
// stopped, or a deploy is open. What a person asked for comes first, and may go
// past holds and a missing verdict, but nothing else.
//
// It is a pure function and takes time linear in the number of changes and
// quarantined commits.
func Decide(s Snapshot) Decision {
	j := judge(s)
	d := j.candidate()
	if d.Change != nil {
		d.Batch = slices.Clone(j.fresh[j.index(d.Change.Revision):])
	}
	if kind := j.selfStop(); kind != "" {
		d.Go, d.Stop, d.Reason = false, kind, sayStopKind(kind, s)
		return d
	}
	if obstacle := j.obstacle(); obstacle != nil {
		d.Go, d.Reason = false, *obstacle
		// While a stop or a deploy is in the way, a wish waits for it to be judged.
		d.Refuse = false
	}
	return d
}

// judgement is a Snapshot with what the rule looks up often.
type judgement struct {
	Snapshot
	// fresh are the changes newer than what is live, newest first.
	fresh    []Change
	excluded map[string]string // revision to stop
	parked   map[string]*Parked
	override Override
}

func judge(s Snapshot) *judgement {
	j := &judgement{Snapshot: s, fresh: s.Branch.Changes, excluded: make(map[string]string, len(s.Record.Excluded))}
	live := s.Record.liveRevision()
	if i := j.index(live); live != "" && i >= 0 {
		j.fresh = j.fresh[:i]
	}
	if s.Branch.Position != On {
		j.fresh = nil
	}
	for _, e := range s.Record.Excluded {
		j.excluded[e.Revision] = e.Stop
	}
	j.parked = make(map[string]*Parked, len(s.Record.Parked))
	for i := range s.Record.Parked {
		j.parked[s.Record.Parked[i].Revision] = &s.Record.Parked[i]
	}
	if w := s.Record.Wanted; w != nil {
		j.override = w.Override
	}
	return j
}

// index returns the place of a revision among the fresh changes, or -1.
func (j *judgement) index(revision string) int {
	return slices.IndexFunc(j.fresh, func(c Change) bool { return c.Revision == revision })
}

// shippable are the fresh changes that are not below the floor.
func (j *judgement) shippable() []Change {
	if j.Record.Floor == "" {
		return j.fresh
	}
	return j.fresh[:max(0, min(len(j.fresh), j.Branch.FromFloor))]
}

// candidate is what would be shipped if nothing were in the way.
func (j *judgement) candidate() Decision {
	if w := j.Record.Wanted; w != nil {
		return j.wanted(w)
	}
	shippable := j.shippable()
	for i := range shippable {
		c := &shippable[i]
		if _, bad := j.excluded[c.Revision]; bad || j.Verdicts[c.Revision] != Passed {
			continue
		}
		p := j.parked[c.Revision]
		if p == nil {
			return Decision{Go: true, Change: c, Reason: sayNext(*c)}
		}
		if !p.Build {
			break // what failed while it was deployed would fail for its ancestors too
		}
	}
	if len(shippable) > 0 {
		return Decision{Reason: j.against(shippable[0])}
	}
	if len(j.fresh) > 0 {
		return Decision{Reason: sayBelowFloor(j.fresh[0].Revision, j.Record.Floor)}
	}
	return Decision{Reason: sayIdle(j.Snapshot)}
}

// against says why automation does not ship a change that would otherwise be next.
func (j *judgement) against(c Change) Reason {
	switch j.Verdicts[c.Revision] {
	case Pending:
		return sayPending(c)
	case Failed:
		return sayFailed(c)
	}
	if stop, bad := j.excluded[c.Revision]; bad {
		return sayQuarantined(c.Revision, stop)
	}
	return sayParked(*j.parked[c.Revision])
}

// wanted judges the deploy that a person asked for.
func (j *judgement) wanted(w *Wanted) Decision {
	refuse := func(r Reason) Decision { return Decision{Refuse: true, Reason: r} }
	i := j.index(w.Revision)
	if i < 0 {
		return refuse(sayNotAhead(j.Snapshot, w.Revision))
	}
	if i >= len(j.shippable()) {
		return refuse(sayBelowFloor(w.Revision, j.Record.Floor))
	}
	if stop, bad := j.excluded[w.Revision]; bad {
		return refuse(sayQuarantined(w.Revision, stop))
	}
	c := &j.fresh[i]
	if !w.Override.Unjudged {
		switch j.Verdicts[w.Revision] {
		case Pending:
			return Decision{Change: c, Reason: sayAwaited(*c, w.By)}
		case Failed:
			return refuse(sayFailed(*c))
		}
	}
	return Decision{Go: true, Change: c, Reason: sayWanted(*c, w.By)}
}

// selfStop says whether automation has to stop itself, because the branch went
// where nothing may be shipped from without a person's word.
func (j *judgement) selfStop() StopKind {
	switch {
	case j.Record.Stop != nil || j.Record.Open != nil || j.Unreachable != "":
		return ""
	case j.Branch.Position == Diverged:
		return StopDiverged
	case j.Record.Floor != "" && j.Branch.FromFloor < 0 && j.Branch.Position == On:
		return StopRewritten
	}
	return ""
}

// obstacle says what prevents every deploy, or nil.
func (j *judgement) obstacle() *Reason {
	r := &j.Record
	var reason Reason
	switch hold := blocking(j.holds(), j.Now, j.override.Holds); {
	case r.Open != nil:
		reason = sayOpen(r.Open)
	case r.Stop != nil:
		reason = sayStopped(*r.Stop)
	case hold != nil:
		reason = sayHeld(*hold)
	case j.Unreachable != "":
		reason = Reason{Code: CodeUnreachable, Sentence: j.Unreachable}
	case j.Branch.Position == Behind:
		reason = sayBehind(j.Snapshot)
	default:
		return nil
	}
	return &reason
}

// holds are all that cover the pipeline, active or not.
func (j *judgement) holds() []lock.Hold {
	return covering(slices.Concat(j.Record.Holds, j.Holds), j.Record.Name)
}

// covering returns the holds whose scope covers the pipeline.
func covering(holds []lock.Hold, pipeline string) []lock.Hold {
	return slices.DeleteFunc(slices.Clone(holds), func(h lock.Hold) bool { return !h.Scope.Covers(pipeline) })
}

// blocking returns the active hold that is to be named: one on everything before
// one on deploys, then the one that lasts longest. Those in past are gone past.
func blocking(holds []lock.Hold, now time.Time, past []string) *lock.Hold {
	var worst *lock.Hold
	for i := range holds {
		h := &holds[i]
		if !h.Active(now) || slices.Contains(past, h.ID) {
			continue
		}
		if worst == nil || heavier(*h, *worst) {
			worst = h
		}
	}
	return worst
}

// heavier orders holds by what they stop, by how long they last, then by id.
func heavier(a, b lock.Hold) bool {
	if a.Level != b.Level {
		return a.Level == lock.Everything
	}
	if !a.Until.Equal(b.Until) {
		return a.Until.IsZero() || !b.Until.IsZero() && a.Until.After(b.Until)
	}
	return strings.Compare(a.ID, b.ID) < 0
}
