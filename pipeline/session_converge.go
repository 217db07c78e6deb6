package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/muster-deploy/muster/target"
)

// dueToConverge reports whether the units are to be read back now.
func (s *session) dueToConverge(r Record) bool {
	return r.Live != nil && !time.Now().Before(s.next)
}

// converge brings every target to what it should run: by Prepare and Activate of
// the live release again. It is no deploy: it runs while automation is stopped, and
// under a hold on deploys. What does not work is tried again at the next time.
func (s *session) converge(r Record) {
	s.next = time.Now().Add(s.e.c.Converge)
	if s.held(s.ctx, &r, true, nil) != nil {
		return
	}
	complete := true
	for _, st := range s.e.c.Stages {
		for _, t := range st.Targets {
			release := shouldRun(r, st.Name, t.Name())
			if release == nil {
				complete = false
				continue
			}
			if err := s.convergeTarget(r, t, *release); err != nil {
				complete = false
				s.convergeTrouble(t, err)
			}
		}
	}
	s.force = s.force && !complete
}

func (s *session) convergeTrouble(t target.Target, err error) {
	if errors.Is(err, target.ErrStale) {
		s.fenced[t.Name()] = false
	}
	if !declined(err) && s.ctx.Err() == nil {
		s.e.tell(Event{Kind: EventProblem, Target: t.Name(), Message: fmt.Sprintf("converge %s: %v", t.Name(), err)})
	}
}

// shouldRun is the release that a target should run: what is live, or what the open
// deploy has brought to it. In the middle of its activation it is neither.
func shouldRun(r Record, stage, name string) *target.Release {
	o := r.Open
	if o == nil {
		return r.Live
	}
	p := o.stage(stage)
	switch t := p.Targets[name]; {
	case o.Kind == KindRollback:
		return nil
	case t.Done:
		return &o.To
	case t.Begun == 0:
		return r.Live
	}
	return nil
}

// convergeTarget reads one target back and, where a unit is off, or the pass goes
// to all, gives the order again.
func (s *session) convergeTarget(r Record, t target.Target, release target.Release) error {
	return s.do(work{limit: s.longest()}, func(ctx context.Context) error {
		state, err := t.Observe(ctx, target.Order{})
		if err != nil {
			return err
		}
		if off, _ := judgeUnits(state, release.Digest); s.force || reachable(off) {
			err := s.again(ctx, r, t, release, len(off) > 0)
			if len(off) == 0 && errors.Is(err, target.ErrUnprepared) {
				err = s.again(ctx, r, t, release, true) // a unit that has come during the deploy, and is listed only now
			}
			if err != nil {
				return err
			}
			if state, err = t.Observe(ctx, target.Order{}); err != nil {
				return err
			}
		}
		_, err = s.swap(func(r *Record) error { r.observe(t, state, release.Digest, time.Now()); return nil })
		return err
	})
}

// reachable reports whether one of the units answers.
func reachable(units []target.Unit) bool {
	for _, u := range units {
		if u.Condition != target.Unknown {
			return true
		}
	}
	return false
}

// again prepares a release once more where units are off, and activates it.
func (s *session) again(ctx context.Context, r Record, t target.Target, release target.Release, prepare bool) error {
	if err := s.ready(t); err != nil {
		return err
	}
	as := &Attempt{ID: release.ID, To: release}
	if prepare {
		a, err := s.artifact(ctx, release)
		if err != nil {
			return err
		}
		if err := s.prepareAll(ctx, as, a, []target.Target{t}, target.Again); err != nil {
			s.e.tell(Event{Kind: EventProblem, Target: t.Name(), Message: "converge: " + err.Error()})
		}
	}
	numbered, err := s.swap(func(r *Record) error { r.order(1); return nil })
	if err != nil {
		return err
	}
	order := s.order(numbered, release, target.Again, numbered.Number)
	order.Report = s.report("", "", t.Name())
	order.Begin = func(ctx context.Context, step target.Step) error {
		s.e.tell(Event{Kind: EventBatch, Target: t.Name(), Step: &step,
			Message: fmt.Sprintf("%s: bringing %d units to %s", t.Name(), len(step.Units), release.ID)})
		_, err := s.swap(func(now *Record) error {
			if (now.Open == nil) != (r.Open == nil) || now.Live == nil || now.Live.ID != r.Live.ID ||
				now.Open != nil && now.Open.ID != r.Open.ID || s.leave.Err() != nil {
				return errOvertaken
			}
			return s.held(ctx, now, true, nil)
		})
		return err
	}
	return t.Activate(ctx, order)
}

// observe notes what a target's units said, where that has changed.
func (r *Record) observe(t target.Target, state target.State, digest string, now time.Time) {
	off, _ := judgeUnits(state, digest)
	o := Observed{At: now, Units: len(state.Units), On: len(state.Units) - len(off), Off: trimUnits(off)}
	for i := range o.Off {
		o.Off[i].Number = 0 // it grows with each order and is no news
	}
	if f, ok := target.As[target.Fenced](t); ok {
		o.BestEffort = f.Fencing() != target.Certain
	}
	if old := r.Observed[t.Name()]; old.Units == o.Units && old.On == o.On &&
		old.BestEffort == o.BestEffort && reflect.DeepEqual(old.Off, o.Off) {
		return
	}
	if r.Observed == nil {
		r.Observed = map[string]Observed{}
	}
	r.Observed[t.Name()] = o
}
