package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// hook runs a hook once. One that was begun and whose end is not known runs again
// only if it may; else the deploy waits for a person's answer.
func (s *session) hook(r Record, st Stage, h Hook, state HookState) (rest, error) {
	o := r.Open
	if state == HookBegun && !h.Repeatable {
		reason := Reason{Code: CodeWaiting, Deploy: o.ID, Revision: o.To.Revision, Sentence: fmt.Sprintf(
			"%s waits for an answer: its hook %q was begun, and the deployer died before it ended; look whether it did its work, then answer done or again", o.ID, h.Name)}
		return rest{wait: s.until(time.Time{}), settled: true}, s.wait(reason)
	}
	tried := false // a swap whose answer was lost finds the hook begun, by itself
	err := s.permit(s.ctx, o.ID, func(r *Record) error {
		defer func() { tried = true }()
		return r.hook(o.ID, st.Name, h.Name, HookBegun, h.Repeatable || tried)
	})
	if err != nil {
		return s.pausedOr(o.ID, "hook "+h.Name, err)
	}
	s.tellStage(o.ID, st.Name, "running hook "+h.Name)
	err = s.do(work{open: o.ID, gentle: true, limit: st.Limit}, func(ctx context.Context) error {
		subject, err := s.subject(ctx, r, st)
		if err != nil {
			return err
		}
		return h.Run(ctx, subject)
	})
	if err != nil && (s.ctx.Err() != nil || errors.Is(err, errHandover)) {
		return again, nil // begun, end unknown: the next deployer judges
	}
	if err != nil {
		return s.failed(o.ID, "hook "+h.Name, err)
	}
	_, err = s.swap(func(r *Record) error { return r.hook(o.ID, st.Name, h.Name, HookDone, true) })
	return again, err
}

// subject is what hooks and checks are about.
func (s *session) subject(ctx context.Context, r Record, st Stage) (Subject, error) {
	a, err := s.artifact(ctx, r.Open.To)
	return Subject{
		Pipeline: s.e.c.Name, Stage: st.Name, Release: r.Open.To, Previous: r.Open.From, Artifact: a, Log: s.log,
	}, err
}
