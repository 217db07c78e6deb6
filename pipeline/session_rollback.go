package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/target"
)

// rollbackTries is how often a rollback goes to units that failed before it ends
// without them. Convergence goes on trying.
const rollbackTries = 3

// rollBack carries the open rollback out: it activates the older release, which is
// live in the record already, on every target that was begun.
func (s *session) rollBack(r Record) (rest, error) {
	o := r.Open
	if err := s.held(s.ctx, &r, true, nil); err != nil {
		return s.rollbackPaused(o, err)
	}
	if wait := time.Until(o.Retry); wait > 0 {
		return rest{wait: wait}, nil
	}
	targets := s.undone(o)
	s.log.say("rolling back from %s to %s: %s", o.From.ID, o.To.ID, o.Reason)
	results := make([]rollbackResult, len(targets))
	if err := s.fence(targets...); err != nil {
		return again, err
	}
	err := s.do(work{open: o.ID, gentle: true}, func(ctx context.Context) error {
		var g errgroup.Group
		for i, t := range targets {
			g.Go(func() error { results[i] = s.rollBackTarget(ctx, o, t); return nil })
		}
		return g.Wait()
	})
	var failed []target.Unit
	var errs []error
	for i, result := range results {
		failed = append(failed, result.off...)
		errs = append(errs, named(targets[i], result.err))
	}
	if err = errors.Join(append(errs, err)...); err != nil {
		return s.rollbackTrouble(o, err, failed)
	}
	return again, s.endRollback(o.ID, RolledBack, "", failed)
}

// rollbackPaused waits while a hold on everything stops the rollback.
func (s *session) rollbackPaused(o *Attempt, err error) (rest, error) {
	var p *pausedError
	if !errors.As(err, &p) {
		return again, err
	}
	reason := sayHeld(p.hold)
	reason.Deploy, reason.Sentence = o.ID, "rollback "+reason.Sentence
	return rest{wait: s.until(p.hold.Until), settled: true}, s.wait(reason)
}

// undone are the targets that a rollback goes to.
func (s *session) undone(o *Attempt) []target.Target {
	all := s.targets()
	if o.Everywhere {
		return all
	}
	return slices.DeleteFunc(all, func(t target.Target) bool { return !slices.Contains(o.Targets, t.Name()) })
}

// rollbackResult is what became of one target: the units that are not back, and
// why that is too many.
type rollbackResult struct {
	off []target.Unit
	err error
}

// rollBackTarget activates the older release on one target. Units that no longer
// hold it are prepared first; the others do not wait for them.
func (s *session) rollBackTarget(ctx context.Context, o *Attempt, t target.Target) rollbackResult {
	if !s.fenced[t.Name()] {
		return rollbackResult{err: fmt.Errorf("%w: it was not read since the deployer began", errSilent)}
	}
	err := s.goBack(ctx, o, t)
	if errors.Is(err, target.ErrUnprepared) {
		s.log.say("%s: some units no longer hold %s; preparing it", t.Name(), o.To.ID)
		a, openErr := s.artifact(ctx, o.To)
		if openErr != nil {
			return rollbackResult{err: errors.Join(err, openErr)}
		}
		prepErr := s.prepareAll(ctx, o, a, []target.Target{t}, target.Backward)
		err = errors.Join(s.goBack(ctx, o, t), prepErr)
	}
	state, readErr := t.Observe(ctx, target.Order{})
	if readErr != nil {
		return rollbackResult{err: errors.Join(err, readErr)}
	}
	off, bad := judgeUnits(state, o.To.Digest)
	_, swapErr := s.swap(func(r *Record) error { r.observe(t, state, o.To.Digest, time.Now()); return nil })
	if bad == nil && !errors.Is(err, target.ErrStale) && !declined(err) {
		err = nil // read back: what failed on the way is within the budget
	}
	return rollbackResult{off: off, err: errors.Join(err, bad, swapErr)}
}

// declined reports whether it was the record that forbade a step.
func declined(err error) bool {
	var p *pausedError
	return errors.As(err, &p) || errors.Is(err, errOvertaken) || errors.Is(err, errHandover)
}

// goBack gives a target the order to go back.
func (s *session) goBack(ctx context.Context, o *Attempt, t target.Target) error {
	r, err := s.swap(func(r *Record) error { r.order(1); return nil })
	if err != nil {
		return err
	}
	order := s.order(r, o.To, target.Backward, r.Number)
	order.Report = s.report(o.ID, "", t.Name())
	order.Begin = func(ctx context.Context, step target.Step) error {
		s.e.tell(Event{Kind: EventBatch, Deploy: o.ID, Target: t.Name(), Step: &step,
			Message: fmt.Sprintf("%s: rolling back, batch %d of %d, %d units", t.Name(), step.Batch, step.Batches, len(step.Units))})
		return s.permit(ctx, o.ID, func(r *Record) error { return r.batch(o.ID, rollbackStage, t.Name(), step) })
	}
	return t.Activate(ctx, order)
}

// rollbackStage is where a rollback notes its batches: it goes to all stages at once.
const rollbackStage = "rollback"

// rollbackTrouble tries again what failed, a few times, and then ends the rollback
// as failed.
func (s *session) rollbackTrouble(o *Attempt, err error, failed []target.Unit) (rest, error) {
	switch {
	case fatal(err) || s.ctx.Err() != nil:
		return again, err
	case s.leave.Err() != nil || errors.Is(err, errHandover), errors.Is(err, errOvertaken):
		return again, nil
	case errors.Is(err, target.ErrStale):
		clear(s.fenced)
	}
	var p *pausedError
	if errors.As(err, &p) {
		return s.rollbackPaused(o, p)
	}
	s.log.say("rollback: %v", err)
	s.e.tell(Event{Kind: EventProblem, Deploy: o.ID, Message: err.Error()})
	if o.Tries+1 >= rollbackTries {
		return again, s.endRollback(o.ID, RollbackFailed, err.Error(), failed)
	}
	_, err = s.swap(func(r *Record) error {
		if r.Open == nil || r.Open.ID != o.ID {
			return errOvertaken
		}
		r.Open.Tries++
		r.Open.Retry = time.Now().Add(backoff(r.Open.Tries))
		return nil
	})
	return again, err
}

// endRollback declares how a rollback ended. The stop stays.
func (s *session) endRollback(id string, end End, why string, failed []target.Unit) error {
	s.log.say("%s: %s", id, end)
	s.force, s.next = true, time.Time{} // before the swap: its answer may be lost
	r, err := s.swap(func(r *Record) error { return r.finish(id, end, why, failed, time.Now()) })
	if err != nil {
		return err
	}
	s.tellEnded(r, id)
	return nil
}

// nowhere fences the targets again and reads them: it reports whether no unit is on
// the digest, and none can come to be.
func (s *session) nowhere(names []string, digest string) bool {
	var targets []target.Target
	for _, t := range s.targets() {
		if slices.Contains(names, t.Name()) {
			targets = append(targets, t)
			s.fenced[t.Name()] = false
		}
	}
	if s.ready(targets...) != nil {
		return false
	}
	for _, t := range targets {
		state, err := t.Observe(s.ctx, target.Order{})
		if err != nil {
			return false
		}
		for _, u := range state.Units {
			if u.Condition == target.Unknown || u.Digest == digest {
				return false
			}
		}
	}
	return len(targets) == len(names)
}
