package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// verify asks the checks of an activated stage, and again all through bake time.
func (s *session) verify(r Record, st Stage, p StageProgress) (rest, error) {
	o := r.Open
	now := time.Now()
	baked := !p.Verified.IsZero() && !now.Before(p.Verified.Add(st.Bake))
	outcome, said := s.check(r, st)
	switch {
	case s.ctx.Err() != nil || s.leave.Err() != nil:
		return again, nil
	case outcome == Bad:
		return s.failed(o.ID, "stage "+st.Name, errors.New(said))
	case outcome == CannotTell && now.Sub(later(p.Activated, p.Verified.Add(st.Bake))) > st.Limit:
		return s.failed(o.ID, "stage "+st.Name, fmt.Errorf("%s, for longer than %s", said, st.Limit))
	case outcome == CannotTell:
		reason := Reason{Code: CodeWaiting, Deploy: o.ID, Sentence: fmt.Sprintf("%s waits: %s", o.ID, said)}
		return rest{wait: min(st.Every, s.e.c.Poll)}, s.wait(reason)
	}
	message := "verified"
	_, err := s.swap(func(r *Record) error {
		return r.stageAt(o.ID, st.Name, func(p *StageProgress) {
			if p.Verified.IsZero() {
				p.Verified = now
			}
			if p.Done = baked || st.Bake == 0; p.Done {
				message = "done"
			}
		})
	})
	if message == "done" || p.Verified.IsZero() {
		s.tellStage(o.ID, st.Name, message)
	}
	if message == "done" || err != nil {
		return again, err
	}
	reason := Reason{Code: CodeWaiting, Deploy: o.ID, Until: now.Add(st.Bake),
		Sentence: fmt.Sprintf("%s is watched in %s for %s", o.ID, st.Name, st.Bake)}
	if !p.Verified.IsZero() {
		reason.Until = p.Verified.Add(st.Bake)
	}
	return rest{wait: max(min(st.Every, time.Until(reason.Until)), time.Millisecond)}, s.wait(reason)
}

// later returns the later of two times, and the first where the second is none.
func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// check asks all checks of a stage once. One bad answer is bad, one that cannot
// tell is no answer.
func (s *session) check(r Record, st Stage) (outcome Outcome, said string) {
	outcome = Good
	err := s.do(work{open: r.Open.ID, limit: st.Limit}, func(ctx context.Context) error {
		if len(st.Verify) == 0 {
			return nil
		}
		subject, err := s.subject(ctx, r, st)
		if err != nil {
			return err
		}
		for _, k := range st.Verify {
			result, sentence := k.Run(ctx, subject)
			if result == Bad {
				outcome, said = Bad, fmt.Sprintf("check %s: %s", k.Name, sentence)
				return nil
			}
			if result != Good {
				outcome, said = CannotTell, fmt.Sprintf("check %s cannot tell: %s", k.Name, sentence)
			}
		}
		return nil
	})
	if err != nil {
		return CannotTell, err.Error()
	}
	return outcome, said
}
