package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// consider applies the rule while nothing is open.
func (s *session) consider(r Record) (rest, error) {
	snap := s.e.snapshot(s.ctx, r)
	d := Decide(snap)
	s.buildAhead(snap, d)
	switch {
	case s.leave.Err() != nil:
		return again, nil
	case d.Stop != "":
		_, err := s.swap(func(r *Record) error { return r.stopItself(d.Stop, d.Reason.Sentence, time.Now()) })
		s.e.tell(Event{Kind: EventReason, Message: d.Reason.Sentence})
		return again, err
	case d.Refuse:
		_, err := s.swap(func(r *Record) error {
			return r.refuseWanted(snap.Record.Wanted.ID, d.Reason.Sentence, time.Now())
		})
		return again, err
	case d.Go:
		return again, s.begin(snap, d)
	}
	if err := s.wait(statusReason(snap)); err != nil {
		return again, err
	}
	return rest{wait: s.until(d.Reason.Until), settled: true}, nil
}

// begin opens the deploy that was decided. The record is loaded first, then the
// holds, then the decision is made again, then it is swapped.
func (s *session) begin(snap Snapshot, decided Decision) error {
	r, err := s.swap(func(r *Record) error {
		holds, err := s.e.foreignHolds(s.ctx, time.Now())
		if err != nil {
			return err
		}
		snap.Record, snap.Holds, snap.Now = *r, holds, time.Now()
		d := Decide(snap)
		if !d.Go || d.Change.Revision != decided.Change.Revision {
			return errOvertaken
		}
		return r.begin(d, snap.Now)
	})
	if err != nil {
		return err
	}
	s.follow(r)
	s.log.say("deploying %s: %s (%d changes)", r.Open.ID, r.Open.Subject, len(decided.Batch))
	s.e.tell(Event{Kind: EventBegan, Deploy: r.Open.ID, Message: "deploying " + r.Open.ID})
	return nil
}

// buildAhead builds what is likely to be deployed next: the newest change that is
// pending, and the one that the rule picks.
func (s *session) buildAhead(snap Snapshot, d Decision) {
	var pending, next, open string
	if d.Change != nil {
		next = d.Change.Revision
	}
	j := judge(snap)
	for _, c := range j.shippable() {
		if c.Revision == next {
			break
		}
		if snap.Verdicts[c.Revision] == Pending && snap.Unreachable == "" && j.parked[c.Revision] == nil {
			pending = c.Revision
			break
		}
	}
	if o := snap.Record.Open; o != nil && o.Kind == KindDeploy {
		open = o.To.Revision
	} else if snap.Record.Stop != nil {
		pending, next = "", ""
	}
	s.ahead.keep(pending, next, open)
}

// until is how long to wait for something that ends at a time, at most a poll.
func (s *session) until(end time.Time) time.Duration {
	wait := s.e.c.Poll
	if !end.IsZero() {
		wait = min(wait, max(time.Until(end), time.Millisecond))
	}
	if next := time.Until(s.next); next > 0 {
		wait = min(wait, next)
	}
	return wait
}

// wait records why nothing is done, where that has changed.
func (s *session) wait(reason Reason) error {
	var news bool
	_, err := s.swap(func(r *Record) error {
		if news = r.Waiting == nil || !r.Waiting.same(reason); news {
			r.Waiting = &reason
		}
		return nil
	})
	if news && err == nil {
		s.e.tell(Event{Kind: EventReason, Deploy: reason.Deploy, Message: reason.Sentence})
	}
	return err
}

// same reports whether two reasons say the same of the same things.
func (r Reason) same(o Reason) bool {
	return r.Code == o.Code && r.Revision == o.Revision && r.Deploy == o.Deploy && r.Stop == o.Stop &&
		(r.Hold == nil) == (o.Hold == nil) && (r.Hold == nil || r.Hold.ID == o.Hold.ID)
}

// giveUp ends the open deploy: as it says where nothing was switched, else by a
// rollback. With read set, targets that were begun are read first: if no unit of
// them is on the release, and none can come to be, nothing was switched.
func (s *session) giveUp(r Record, end End, why string, park, read bool) error {
	o := r.Open
	s.log.say("%s: %s", end, why)
	begun := o.begun()
	untouched := len(begun) == 0
	if !untouched { // a unit that was taken out of service, and not switched, is put back
		s.force, s.next = true, time.Time{}
	}
	if !untouched && read {
		untouched = s.nowhere(begun, o.To.Digest)
	}
	now := time.Now()
	r, err := s.swap(func(r *Record) error {
		if r.Open == nil || r.Open.ID != o.ID || r.Open.Kind != KindDeploy {
			return errOvertaken
		}
		if len(r.Open.begun()) > 0 && !untouched {
			return r.fail(o.ID, why, now)
		}
		var parked *Parked
		if park {
			parked = &Parked{Revision: o.To.Revision, Build: r.Open.To.Digest == "", Reason: why, At: now}
		}
		return r.drop(o.ID, end, why, parked, now)
	})
	if err != nil {
		return err
	}
	s.tellEnded(r, o.ID)
	return nil
}

// tellEnded tells how a deploy ended, or that its rollback began.
func (s *session) tellEnded(r Record, id string) {
	for i, e := range r.Ended {
		if e.ID == id {
			s.e.tell(Event{Kind: EventEnded, Deploy: id, End: e.End, Ended: &r.Ended[i], Message: sayEnded(e)})
			return
		}
	}
	if r.Open != nil && r.Open.Kind == KindRollback {
		s.e.tell(Event{Kind: EventBegan, Deploy: r.Open.ID, Message: sayOpen(r.Open).Sentence + ": " + r.Open.Reason})
	}
}

func sayEnded(d Deploy) string {
	text := fmt.Sprintf("%s ended: %s", d.ID, d.End)
	if d.Why != "" {
		text += ": " + d.Why
	}
	return text
}

// temporary reports whether an error says that it passes. The end of a context says
// so too, but a step that ran into its limit (a canary whose health never came) is no
// less a failure for that.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && any(t) != any(context.DeadlineExceeded) && t.Temporary()
}

// maxTries is how often what fails for a while is tried.
const maxTries = 5

// tryLater says whether an error is to be tried again, and when.
func (s *session) tryLater(what string, err error) (rest, bool) {
	if !temporary(err) || s.temporal[what] >= maxTries-1 {
		return rest{}, false
	}
	s.temporal[what]++
	s.log.say("%s: %v; trying again", what, err)
	s.e.tell(Event{Kind: EventProblem, Deploy: s.log.deploy, Message: fmt.Sprintf("%s: %v", what, err)})
	return rest{wait: backoff(s.temporal[what])}, true
}
