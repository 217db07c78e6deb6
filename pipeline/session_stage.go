package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// errRed says that CI took its verdict back.
var errRed = errors.New("pipeline: CI's verdict turned red")

// pausedError says that a person's hold forbids the next step.
type pausedError struct{ hold lock.Hold }

// Error says who holds.
func (e *pausedError) Error() string { return "paused: " + e.hold.String() }

// stage takes the open deploy one step further in a stage: hooks, activation,
// checks, bake time.
func (s *session) stage(r Record, st Stage, p StageProgress) (rest, error) {
	for _, h := range st.Before {
		if p.Hooks[h.Name] != HookDone {
			return s.hook(r, st, h, p.Hooks[h.Name])
		}
	}
	if p.Activated.IsZero() {
		return s.activateStage(r, st, p)
	}
	return s.verify(r, st, p)
}

// permit makes a swap that begins something irreversible. A hold, a stop, an abort
// or a verdict that turned red prevents it. The record is loaded first, then the
// holds of wider scope, so that what returned before is seen.
func (s *session) permit(ctx context.Context, id string, change func(*Record) error) error {
	_, err := s.swap(func(r *Record) error {
		if s.leave.Err() != nil {
			return errHandover
		}
		if r.Open == nil || r.Open.ID != id {
			return errOvertaken
		}
		deploy := r.Open.Kind == KindDeploy
		if deploy && (r.Stop != nil || r.Open.Abort != nil) {
			return errOvertaken
		}
		if err := s.held(ctx, r, !deploy, r.Open.Override.Holds); err != nil {
			return err
		}
		if deploy && s.red(r.Open) {
			return errRed
		}
		return change(r)
	})
	return err
}

// held returns a pausedError when a person's hold is in the way: any hold for a
// deploy, one on everything for what only that stops.
func (s *session) held(ctx context.Context, r *Record, onlyEverything bool, past []string) error {
	wide, _, err := loadWideHolds(ctx, s.e.store)
	if err != nil {
		return err
	}
	holds := pausing(covering(append(wide.Holds, r.Holds...), r.Name))
	if onlyEverything {
		holds = everything(holds)
	}
	if hold := blocking(holds, time.Now(), past); hold != nil {
		return &pausedError{hold: *hold}
	}
	return nil
}

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

// tellStage says how far a stage is, to observers and in the log.
func (s *session) tellStage(id, stage, message string) {
	s.log.say("%s: %s", stage, message)
	s.e.tell(Event{Kind: EventStage, Deploy: id, Stage: stage, Message: message})
}

// subject is what hooks and checks are about.
func (s *session) subject(ctx context.Context, r Record, st Stage) (Subject, error) {
	a, err := s.artifact(ctx, r.Open.To)
	return Subject{
		Pipeline: s.e.c.Name, Stage: st.Name, Release: r.Open.To, Previous: r.Open.From, Artifact: a, Log: s.log,
	}, err
}

// pausedOr waits while a hold pauses the deploy, and judges any other error.
func (s *session) pausedOr(id, what string, err error) (rest, error) {
	var p *pausedError
	if !errors.As(err, &p) {
		return s.failed(id, what, err)
	}
	reason := sayHeld(p.hold)
	reason.Deploy, reason.Sentence = id, fmt.Sprintf("%s is paused, %s", id, reason.Sentence)
	return rest{wait: s.until(p.hold.Until), settled: true}, s.wait(reason)
}

// activateStage activates the targets of a stage, all at once.
func (s *session) activateStage(r Record, st Stage, p StageProgress) (rest, error) {
	o := r.Open
	// Asked before the orders are given, so that a pause costs no order.
	if err := s.permit(s.ctx, o.ID, func(*Record) error { return nil }); err != nil {
		return s.pausedOr(o.ID, "stage "+st.Name, err)
	}
	if err := s.ready(st.Targets...); err != nil {
		return again, err
	}
	s.tellStage(o.ID, st.Name, "activating")
	err := s.do(work{open: o.ID, gentle: true, limit: st.Limit}, func(ctx context.Context) error {
		return s.activateAll(ctx, r, st, p)
	})
	switch {
	case errors.Is(err, target.ErrUnprepared) && s.temporal["unprepared"] < maxTries:
		s.temporal["unprepared"]++
		_, err := s.swap(func(r *Record) error {
			o, err := r.deploy(o.ID)
			if err == nil {
				o.Prepared = false
			}
			return err
		})
		return again, err
	case err != nil:
		return s.pausedOr(o.ID, "stage "+st.Name, err)
	}
	_, err = s.swap(func(r *Record) error {
		return r.stageAt(o.ID, st.Name, func(p *StageProgress) { p.Activated = time.Now() })
	})
	s.tellStage(o.ID, st.Name, "activated")
	return again, err
}

// activateAll gives each target of a stage its order and reads its units back.
func (s *session) activateAll(ctx context.Context, r Record, st Stage, p StageProgress) error {
	var g errgroup.Group
	errs := make([]error, len(st.Targets))
	for i, t := range st.Targets {
		if !p.Targets[t.Name()].Done {
			g.Go(func() error { errs[i] = named(t, s.activate(ctx, r.Open, st.Name, t, target.Forward)); return nil })
		}
	}
	_ = g.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// activate gives a target its order, reads its units back and records what they
// say.
func (s *session) activate(ctx context.Context, o *Attempt, stage string, t target.Target, intent target.Intent) error {
	r, err := s.swap(func(r *Record) error { r.order(1); return nil })
	if err != nil {
		return err
	}
	order := s.order(r, o.To, intent, r.Number)
	order.Report = s.report(o.ID, stage, t.Name())
	order.Begin = func(ctx context.Context, step target.Step) error {
		s.e.tell(Event{Kind: EventBatch, Deploy: o.ID, Stage: stage, Target: t.Name(), Step: &step,
			Message: fmt.Sprintf("%s: batch %d of %d, %d units", t.Name(), step.Batch, step.Batches, len(step.Units))})
		s.log.say("%s: batch %d of %d: %d units", t.Name(), step.Batch, step.Batches, len(step.Units))
		return s.permit(ctx, o.ID, func(r *Record) error { return r.batch(o.ID, stage, t.Name(), step) })
	}
	if err := t.Activate(ctx, order); err != nil {
		s.noteFailed(o, stage, t, err)
		return err
	}
	state, err := t.Observe(ctx, target.Order{})
	if err != nil {
		return fmt.Errorf("read units back: %w", err)
	}
	off, bad := judgeUnits(state, o.To.Digest)
	if _, err := s.swap(func(r *Record) error {
		r.observe(t, state, o.To.Digest, time.Now())
		return r.activated(o.ID, stage, t.Name(), bad == nil, off)
	}); err != nil {
		return err
	}
	return bad
}

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
