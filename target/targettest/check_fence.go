package targettest

import (
	"slices"
	"sync"

	"github.com/muster-deploy/muster/target"
)

func fencingIsKnown(s *suite) {
	known := []target.Fencing{target.Certain, target.BestEffort, target.LastSwitch}
	first := s.fencing()
	if !slices.Contains(known, first) {
		s.Errorf("the target declares the fencing %q, want one of %q", first, known)
	}
	s.ship(1)
	s.open()
	if again := s.fencing(); again != first {
		s.Errorf("the target declares the fencing %q after %q", again, first)
	}
}

func lowerIsRefused(s *suite) {
	s.prepare(2)
	late := s.order(2, target.Forward)
	one := s.ship(1)
	s.refuse("a lower order", late)
	s.serving(one.Release.Digest)
	late.Intent = target.Backward
	s.refuse("a lower rollback", late)
	late.Intent = target.Again
	s.refuse("a lower convergence", late)
	s.serving(one.Release.Digest)
	s.activate(s.order(2, target.Forward))
}

func sameNumberIsRefused(s *suite) {
	s.prepare(2)
	one := s.ship(1)
	o := s.order(2, target.Forward)
	o.Number = one.Number
	s.refuse("another release under the same number", o)
	s.serving(one.Release.Digest)
	s.activate(one)
}

func doubledOrderIsRefused(s *suite) {
	one := s.ship(1)
	two := s.ship(2)
	back := s.again(one)
	back.Intent = target.Backward
	s.activate(back)
	s.refuse("the order that was rolled back", two)
	s.refuse("the first order", one)
	s.serving(one.Release.Digest)
	s.activate(back) // the last order once more is none of that
}

func fencingObserve(s *suite) {
	one := s.ship(1)
	s.prepare(2)
	late := s.order(2, target.Forward)
	fence := s.orderNone()
	for range 2 { // doubled
		_, err := s.t.Observe(s.Context(), fence)
		s.must("fencing observe", err)
	}
	s.refuse("an order from before the fence", late)
	same := late
	same.Number = fence.Number
	s.refuse("an order under the fence's own number", same)
	same.Release = one.Release
	s.refuse("the live release under the fence's own number", same)
	s.serving(one.Release.Digest)

	fence.Number -= 5
	state, err := s.t.Observe(s.Context(), fence)
	s.is("fencing observe with a lower number", err, target.ErrStale)
	if len(state.Units) == 0 {
		s.Errorf("an observe that is refused returns no state")
	}
	two := s.activate(s.order(2, target.Forward))
	fence.Number = two.Number
	_, err = s.t.Observe(s.Context(), fence)
	s.is("fencing observe under the number of a release", err, target.ErrStale)
}

func plainObserveRaisesNothing(s *suite) {
	s.prepare(1)
	before := s.observe()
	o := s.order(1, target.Forward)
	for i, u := range s.observe().Units {
		if u != before.Units[i] {
			s.Errorf("unit changed by being read: %+v, before %+v", u, before.Units[i])
		}
	}
	s.activate(o)
	s.observe()
	s.activate(o)
}

func identicalRaisesFence(s *suite) {
	s.prepare(2)
	one := s.ship(1)
	late := s.order(2, target.Forward)
	high := s.again(one)
	var w witness
	high.Begin = w.begin
	s.activate(high)
	if len(w.steps) > 0 {
		s.Errorf("an identical release begins %v", w.steps)
	}
	for _, u := range s.observe().Units {
		if u.Number != high.Number {
			s.Errorf("unit %s says Number %d, want the order's %d", u.Name, u.Number, high.Number)
		}
	}
	s.reopen()
	s.refuse("an order from before the identical one", late)
	late.Number = high.Number
	s.refuse("another release under the identical one's number", late)
	s.serving(one.Release.Digest)
}

func fenceIsDurable(s *suite) {
	s.prepare(2)
	late := s.order(2, target.Forward)
	one := s.ship(1)
	s.open()
	s.refuse("a lower order after a restart", late)
	late.Number = one.Number
	s.refuse("the same number after a restart", late)
	_, err := s.t.Observe(s.Context(), s.orderNone())
	s.must("fencing observe", err)
	late.Number = s.number - 5
	s.reopen()
	s.refuse("an order from before the fence, after a restart", late)
	s.serving(one.Release.Digest)
}

// staleAndNewAtOnce lets two deployers act at once, each of which also repeats
// itself. Whoever holds the higher number must win, whatever the interleaving.
func staleAndNewAtOnce(s *suite) {
	s.ship(1)
	s.prepare(2)
	s.prepare(3)
	stale := s.order(2, target.Forward)
	fresh := s.order(3, target.Forward)
	overtaken := s.another()

	var wg sync.WaitGroup
	var won [2]error
	for i := range won {
		wg.Go(func() { _ = overtaken.Activate(s.Context(), stale) })
		wg.Go(func() { won[i] = s.t.Activate(s.Context(), fresh) })
	}
	wg.Wait()
	s.refuse("the stale order after the new one", stale)
	if s.fencing() != target.Certain { // one of the two may have slipped through
		s.activate(s.again(fresh))
		return
	}
	for _, err := range won {
		if err != nil {
			s.Errorf("the new order, with a stale one beside it: %v", err)
		}
	}
	s.serving(fresh.Release.Digest)
}
