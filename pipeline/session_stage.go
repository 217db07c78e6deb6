package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/target"
)

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

// tellStage says how far a stage is, to observers and in the log.
func (s *session) tellStage(id, stage, message string) {
	s.log.say("%s: %s", stage, message)
	s.e.tell(Event{Kind: EventStage, Deploy: id, Stage: stage, Message: message})
}
