package targettest

import (
	"context"
	"sync"

	"github.com/muster-deploy/muster/target"
)

func activateMakesLive(s *suite) {
	s.ship(1)
	o := s.ship(2)
	for _, u := range s.observe().Units {
		if u.Number != o.Number {
			s.Errorf("unit %s says Number %d, want the order's %d", u.Name, u.Number, o.Number)
		}
	}
}

func observeReadsWhatIs(s *suite) {
	one := s.ship(1)
	two := s.ship(2)
	s.activate(s.again(one))
	s.open()
	s.serving(one.Release.Digest)
	s.activate(s.again(two))
	state, err := s.t.Observe(s.Context(), s.orderNone())
	s.must("fencing observe", err)
	for name, digest := range digests(state) {
		if digest != two.Release.Digest {
			s.Errorf("fencing observe reads %s on %s, want %s", s.named(digest), name, s.named(two.Release.Digest))
		}
	}
}

func activateTwice(s *suite) {
	o := s.ship(1)
	var w witness
	o.Begin = w.begin
	s.activate(o)
	if len(w.steps) > 0 {
		s.Errorf("the same order once more begins %v", w.steps)
	}
}

func unpreparedChangesNothing(s *suite) {
	err := s.t.Activate(s.Context(), s.order(1, target.Forward))
	s.is("activate on a vacant place", err, target.ErrUnprepared)
	s.vacant()
	one := s.ship(1)
	err = s.t.Activate(s.Context(), s.order(2, target.Forward))
	s.is("activate", err, target.ErrUnprepared)
	s.serving(one.Release.Digest)
	s.ship(2)
}

func rollbackNeedsNoArtifact(s *suite) {
	one := s.ship(1)
	s.ship(2)
	back := s.again(one)
	back.Intent = target.Backward
	s.open()
	s.activate(back)
}

func retentionKeepsAll(s *suite) {
	one := s.ship(1)
	two := s.ship(2)
	s.ship(3)
	s.activate(s.again(one))
	s.activate(s.again(two))
}

func retentionKeepsNeeded(s *suite) {
	one := s.ship(1)
	two := s.ship(2)
	s.prepare(3)
	o := s.order(3, target.Forward)
	o.Keep = []string{one.Release.Digest}
	s.activate(o)       // live is 3, before it 2, named is 1
	o = s.again(two)    // previous
	o.Keep = []string{} // from now on nothing is named
	o.Intent = target.Backward
	s.activate(o) // live is 2, before it 3
	o = s.order(3, target.Forward)
	o.Keep = []string{}
	s.activate(o)

	o.Number++ // the same once more: what is before it is still 2
	s.number++
	s.activate(o)
	s.activate(s.again(two))
}

func refusedRetiresNothing(s *suite) {
	one := s.ship(1)
	s.ship(2)
	s.ship(3)
	s.prepare(4)
	no := s.order(4, target.Forward)
	no.Keep = []string{}
	no.Begin = func(context.Context, target.Step) error { return errNo }
	s.is("activate that may not begin", s.t.Activate(s.Context(), no), errNo)
	s.activate(s.again(one))
}

func reportIsTold(s *suite) {
	s.ship(1) // nobody listens
	s.prepare(2)
	var mu sync.Mutex
	told := map[string]bool{}
	o := s.order(2, target.Forward)
	o.Report = func(p target.Progress) {
		mu.Lock()
		defer mu.Unlock()
		if p.Phase == "" {
			s.Errorf("progress without a phase: %+v", p)
		}
		told[p.Unit] = true
	}
	s.activate(o)
	mu.Lock()
	defer mu.Unlock()
	state := s.observe()
	for unit := range told {
		if _, ok := digests(state)[unit]; unit != "" && !ok {
			s.Errorf("progress of %q, which is no unit", unit)
		}
	}
}

// again gives a later order for the release of an earlier one.
func (s *suite) again(o target.Order) target.Order {
	s.number += 10
	o.Number = s.number
	o.Intent = target.Again
	return o
}

// orderNone is an order for a fencing observe.
func (s *suite) orderNone() target.Order {
	s.number += 10
	return target.Order{Number: s.number, Epoch: 1}
}
