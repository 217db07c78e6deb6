package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// minAbbreviation is how many characters of a revision name it.
const minAbbreviation = 7

// Explain answers "why is my change not live?" for one change, by the same
// judgement as Decide. The revision may be abbreviated to seven characters or more
// where only one change of the snapshot begins with them. It is a pure function.
func Explain(s Snapshot, revision string) Reason {
	j := judge(s)
	revision = complete(j, revision)
	for _, rule := range []func(*judgement, string) *Reason{
		explainOpen, explainServed, explainExcluded, explainAbsent, explainFloor, explainFresh,
	} {
		if reason := rule(j, revision); reason != nil {
			reason.Revision = revision
			return *reason
		}
	}
	return Reason{Code: CodeUnknown, Revision: revision, Sentence: short(revision) + " is not known here"}
}

// complete returns the full id of an abbreviated revision, or what it was given.
func complete(j *judgement, revision string) string {
	if len(revision) < minAbbreviation {
		return revision
	}
	var found []string
	note := func(r string) {
		if strings.HasPrefix(r, revision) && !slices.Contains(found, r) {
			found = append(found, r)
		}
	}
	for _, c := range j.Branch.Changes {
		note(c.Revision)
	}
	for _, e := range j.Record.Excluded {
		note(e.Revision)
	}
	for _, served := range j.Record.Served {
		note(served.Revision)
		for _, b := range served.Batch {
			note(b)
		}
	}
	if len(found) == 1 {
		return found[0]
	}
	return revision
}

// explainOpen: the change is part of the deploy under way.
func explainOpen(j *judgement, revision string) *Reason {
	o := j.Record.Open
	if o == nil || o.Kind != KindDeploy || !slices.Contains(o.Batch, revision) {
		return nil
	}
	reason := sayOpen(o)
	reason.Sentence = fmt.Sprintf("%s is being deployed as part of %s", short(revision), o.ID)
	if o.To.Revision == revision {
		reason.Sentence = fmt.Sprintf("%s is being deployed as %s", short(revision), o.ID)
	}
	if hold := blocking(pausing(j.holds()), j.Now, o.Override.Holds); hold != nil {
		reason = sayHeld(*hold)
		reason.Deploy = o.ID
	}
	return &reason
}

// explainServed: the change is live, or was brought by a release up to the live one.
func explainServed(j *judgement, revision string) *Reason {
	live := j.Record.Live
	if live == nil || j.excluded[revision] != "" {
		return nil
	}
	if live.Revision == revision {
		if j.Verdicts[revision] == Failed {
			reason := sayAlarm(revision)
			return &reason
		}
		return &Reason{Code: CodeLive, Deploy: live.ID, Sentence: fmt.Sprintf("%s is live, as %s", short(revision), live.ID)}
	}
	if id := shippedIn(&j.Record, revision); id != "" && j.index(revision) < 0 {
		return &Reason{Code: CodeShipped, Deploy: id, Sentence: fmt.Sprintf("%s is live: it was shipped with %s", short(revision), id)}
	}
	return nil
}

// explainExcluded: the change is quarantined.
func explainExcluded(j *judgement, revision string) *Reason {
	stop, bad := j.excluded[revision]
	if !bad {
		return nil
	}
	reason := sayQuarantined(revision, stop)
	return &reason
}

// explainAbsent: the change is not among those that could be shipped.
func explainAbsent(j *judgement, revision string) *Reason {
	if j.index(revision) >= 0 {
		return nil
	}
	if j.Branch.Position != On || j.Unreachable != "" {
		if obstacle := j.obstacle(); obstacle != nil {
			return obstacle
		}
		if kind := j.selfStop(); kind != "" {
			reason := sayStopKind(kind, j.Snapshot)
			return &reason
		}
	}
	return &Reason{Code: CodeUnknown,
		Sentence: fmt.Sprintf("%s is not on the branch ahead of what is live: is it merged, and is the id right?", short(revision))}
}

// explainFloor: the change is older than the commit named by the last resume.
func explainFloor(j *judgement, revision string) *Reason {
	if j.index(revision) < len(j.shippable()) || j.Branch.FromFloor < 0 {
		return nil
	}
	reason := sayBelowFloor(revision, j.Record.Floor)
	reason.Sentence += "; it goes out with that one"
	return &reason
}

// explainFresh: the change is ahead of what is live; what does the rule make of it?
func explainFresh(j *judgement, revision string) *Reason {
	c := j.fresh[j.index(revision)]
	d := Decide(j.Snapshot)
	switch {
	case d.Change != nil && d.Change.Revision == revision:
		return &d.Reason
	case d.Change != nil && j.index(d.Change.Revision) < j.index(revision):
		return sayBatched(c, d)
	case j.parked[revision] != nil:
		reason := sayParked(*j.parked[revision])
		return &reason
	case j.Verdicts[revision] == Failed:
		reason := sayFailed(c)
		reason.Sentence += "; it goes out with the next change that passes"
		return &reason
	case j.Verdicts[revision] == Pending:
		reason := sayPending(c)
		return &reason
	case d.Go: // a person asked for an older one
		return &Reason{Code: CodeWaiting, Sentence: fmt.Sprintf("%s waits: %s", c.Short(), d.Reason.Sentence)}
	}
	return &d.Reason
}

// sayBatched says that a change goes out with a newer one, and what that waits for.
func sayBatched(c Change, d Decision) *Reason {
	reason := d.Reason
	reason.Sentence = fmt.Sprintf("%s goes out with %s", c.Short(), d.Change.Short())
	if d.Go {
		reason.Code = CodeBatched
		return &reason
	}
	reason.Sentence += ": " + d.Reason.Sentence
	return &reason
}
