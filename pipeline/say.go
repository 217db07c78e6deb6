package pipeline

import (
	"fmt"

	"github.com/muster-deploy/muster/lock"
)

// The sentences. Each stands after a name and a colon, so it has no capital and no
// full stop, and it says what a person can do where there is something to do.

func sayPending(c Change) Reason {
	return Reason{Code: CodePending, Revision: c.Revision, Sentence: fmt.Sprintf("CI has not finished for %s", c.Short())}
}

func sayAwaited(c Change, by string) Reason {
	reason := sayPending(c)
	reason.Sentence += fmt.Sprintf(": %s asked for it, so other changes wait for it too", by)
	return reason
}

func sayFailed(c Change) Reason {
	return Reason{Code: CodeFailed, Revision: c.Revision, Sentence: fmt.Sprintf("CI failed for %s", c.Short())}
}

func sayNext(c Change) Reason {
	return Reason{Code: CodeNext, Revision: c.Revision, Sentence: fmt.Sprintf("%s is next", c.Short())}
}

func sayWanted(c Change, by string) Reason {
	return Reason{Code: CodeNext, Revision: c.Revision, Sentence: fmt.Sprintf("%s is next: %s asked for it", c.Short(), by)}
}

func sayQuarantined(revision, stop string) Reason {
	return Reason{Code: CodeQuarantined, Revision: revision, Stop: stop,
		Sentence: fmt.Sprintf("%s was rolled back (%s) and is never shipped again: commit a fix, then resume from the fix", short(revision), stop)}
}

func sayParked(p Parked) Reason {
	what := "it is not tried again by itself"
	if p.Build {
		what = "its build is not tried again by itself"
	}
	return Reason{Code: CodeParked, Revision: p.Revision,
		Sentence: fmt.Sprintf("%s failed (%s); %s: push a fix, or deploy it by hand", short(p.Revision), p.Reason, what)}
}

func sayBelowFloor(revision, floor string) Reason {
	return Reason{Code: CodeBelowFloor, Revision: revision,
		Sentence: fmt.Sprintf("%s does not descend from %s, the commit from which the last resume ships", short(revision), short(floor))}
}

func sayIdle(s Snapshot) Reason {
	if s.Record.Live == nil {
		return Reason{Code: CodeIdle, Sentence: "nothing was deployed yet, and the branch has no change to deploy"}
	}
	return Reason{Code: CodeIdle, Revision: s.Record.Live.Revision,
		Sentence: fmt.Sprintf("up to date: %s is live and nothing on the branch is newer", short(s.Record.Live.Revision))}
}

func sayNotAhead(s Snapshot, revision string) Reason {
	if shippedIn(&s.Record, revision) != "" {
		return Reason{Code: CodeShipped, Revision: revision,
			Sentence: fmt.Sprintf("%s is live already, or older than what is live: only a rollback goes back", short(revision))}
	}
	return Reason{Code: CodeUnknown, Revision: revision,
		Sentence: fmt.Sprintf("%s is not on the branch ahead of what is live", short(revision))}
}

func sayOpen(o *Attempt) Reason {
	if o.Kind == KindRollback {
		return Reason{Code: CodeRollingBack, Revision: o.To.Revision, Deploy: o.ID,
			Sentence: fmt.Sprintf("rolling back from %s to %s", o.From.ID, o.To.ID)}
	}
	return Reason{Code: CodeDeploying, Revision: o.To.Revision, Deploy: o.ID,
		Sentence: fmt.Sprintf("deploying %s", o.To.ID)}
}

func sayStopped(s Stop) Reason {
	return Reason{Code: CodeStopped, Stop: s.ID,
		Sentence: fmt.Sprintf("stopped by %s: %q; resume it and name the commit from which to ship", s.By, s.Reason)}
}

func sayHeld(h lock.Hold) Reason {
	return Reason{Code: CodeHeld, Hold: &h, Until: h.Until, Sentence: h.String()}
}

func sayBehind(s Snapshot) Reason {
	live := short(s.Record.liveRevision())
	return Reason{Code: CodeBehind, Revision: s.Record.liveRevision(),
		Sentence: fmt.Sprintf("%s is live, but the branch was pushed back behind it: nothing is deployed backwards; roll back, or push forward", live)}
}

func sayStopKind(kind StopKind, s Snapshot) Reason {
	if kind == StopRewritten {
		return Reason{Code: CodeRewritten, Revision: s.Record.Floor,
			Sentence: fmt.Sprintf("%s, from which the last resume ships, is gone from the branch", short(s.Record.Floor))}
	}
	return Reason{Code: CodeDiverged, Revision: s.Record.liveRevision(),
		Sentence: fmt.Sprintf("%s is live, and the branch was rewritten so that its head does not descend from it", short(s.Record.liveRevision()))}
}

// shippedIn returns the id of the release that brought a revision, or empty.
func shippedIn(r *Record, revision string) string {
	for i := len(r.Served) - 1; i >= 0; i-- {
		for _, b := range r.Served[i].Batch {
			if b == revision {
				return r.Served[i].ID
			}
		}
		if r.Served[i].Revision == revision {
			return r.Served[i].ID
		}
	}
	return ""
}

func sayAlarm(revision string) Reason {
	return Reason{Code: CodeAlarm, Revision: revision,
		Sentence: fmt.Sprintf("%s is live, but its verdict turned red after that: roll back, or push a fix", short(revision))}
}
