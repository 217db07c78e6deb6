package targettest

import (
	"context"
	"errors"
	"slices"

	"github.com/muster-deploy/muster/target"
)

var errNo = errors.New("may not begin")

func beginIsAsked(s *suite) {
	one := s.ship(1)
	s.prepare(2)
	o := s.order(2, target.Forward)
	w := witness{then: func(step target.Step) error {
		live := digests(s.observe())
		for _, u := range step.Units {
			if live[u] != one.Release.Digest {
				s.Errorf("unit %s is on %s before its batch has begun", u, s.named(live[u]))
			}
		}
		return nil
	}}
	o.Begin = w.begin
	s.activate(o)
	s.counted(w.steps)
	if w.twice {
		s.Errorf("begin was asked by two goroutines at once")
	}
	if want := names(s.observe()); !slices.Equal(w.units(), want) {
		s.Errorf("begin was asked for %v, want each unit once: %v", w.units(), want)
	}
}

// counted wants batches to be counted from one, none empty.
func (s *suite) counted(steps []target.Step) {
	s.Helper()
	for i, step := range steps {
		if step.Batch != i+1 || step.Batches < step.Batch || len(step.Units) == 0 {
			s.Errorf("step %d is batch %d of %d with units %v", i+1, step.Batch, step.Batches, step.Units)
		}
	}
}

// beginRefuses says no to the first batch, then to the second, and so on.
func beginRefuses(s *suite) {
	one := s.ship(1)
	s.prepare(2)
	for allowed := 0; ; allowed++ {
		var w witness
		w.then = func(target.Step) error {
			if len(w.steps) > allowed {
				return errNo
			}
			return nil
		}
		o := s.order(2, target.Forward)
		o.Begin = w.begin
		err := s.t.Activate(s.Context(), o)
		if len(w.steps) <= allowed {
			s.must("activate", err)
			break
		}
		s.is("activate that may not begin", err, errNo)
		s.onlyBegun(w.steps, allowed, one.Release.Digest, o.Release.Digest)
		back := s.again(one)
		back.Intent = target.Backward
		s.activate(back)
	}
	s.serving(s.artifact(2).Digest)
}

// onlyBegun wants the first steps to have ended on the new release, and nothing
// else to have been asked or touched.
func (s *suite) onlyBegun(steps []target.Step, allowed int, before, after string) {
	s.Helper()
	if len(steps) > allowed+1 {
		s.Errorf("begin was asked %d times, want no more after it refused at %d", len(steps), allowed+1)
	}
	want := map[string]string{}
	for _, u := range names(s.observe()) {
		want[u] = before
	}
	for _, step := range steps[:allowed] {
		for _, u := range step.Units {
			want[u] = after
		}
	}
	for u, digest := range digests(s.observe()) {
		if digest != want[u] {
			s.Errorf("unit %s is on %s after %d of its batches had begun, want %s", u, s.named(digest), allowed, s.named(want[u]))
		}
	}
}

func planIsKept(s *suite) {
	p, ok := target.As[target.Planner](s.t)
	if !ok {
		s.Logf("not asked: the target is no target.Planner")
		return
	}
	one := s.ship(1)
	s.prepare(2)
	o := s.order(2, target.Forward)
	plan, err := p.Plan(s.Context(), o)
	s.must("plan", err)
	s.serving(one.Release.Digest)
	s.counted(plan)
	var w witness
	o.Begin = w.begin
	s.activate(o)
	if !slices.EqualFunc(plan, w.steps, sameStep) {
		s.Errorf("planned %v, begun %v", plan, w.steps)
	}
	if plan, err = p.Plan(s.Context(), s.again(o)); err != nil || len(plan) > 0 {
		s.Errorf("plan for what is live already: %v, %v", plan, err)
	}
}

func sameStep(a, b target.Step) bool {
	return a.Batch == b.Batch && a.Batches == b.Batches && slices.Equal(a.Units, b.Units)
}

func endedContext(s *suite) {
	one := s.ship(1)
	s.prepare(2)
	ctx, cancel := context.WithCancel(s.Context())
	cancel()
	if s.t.Prepare(ctx, s.order(3, target.Forward), s.artifact(3)) == nil {
		s.Errorf("prepare succeeds after its context has ended")
	}
	if s.t.Activate(ctx, s.order(2, target.Forward)) == nil {
		s.Errorf("activate succeeds after its context has ended")
	}
	s.serving(one.Release.Digest)
}

// contextEndsUnderWay ends the context in each of the batches in turn.
func contextEndsUnderWay(s *suite) {
	one := s.ship(1)
	s.prepare(2)
	for batch := 1; ; batch++ {
		ctx, cancel := context.WithCancel(s.Context())
		w := witness{then: func(step target.Step) error {
			if step.Batch == batch {
				cancel()
			}
			return nil
		}}
		o := s.order(2, target.Forward)
		o.Begin = w.begin
		err := s.t.Activate(ctx, o)
		cancel()
		s.onEither(one.Release.Digest, o.Release.Digest)
		if len(w.steps) < batch {
			s.must("activate", err)
			break
		}
		back := s.again(one)
		back.Intent = target.Backward
		s.activate(back)
	}
}

// onEither wants no unit to be on a third release.
func (s *suite) onEither(a, b string) {
	s.Helper()
	for u, digest := range digests(s.observe()) {
		if digest != a && digest != b {
			s.Errorf("unit %s is on %s, want %s or %s", u, s.named(digest), s.named(a), s.named(b))
		}
	}
}
