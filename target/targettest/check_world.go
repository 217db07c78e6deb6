package targettest

import (
	"errors"
	"slices"

	"github.com/muster-deploy/muster/target"
)

// maxSteps ends a search for the last step of an order.
const maxSteps = 1000

// crashAnywhere kills a deployer before its first step, before its second, and so
// on; each time a successor fences, observes and either finishes or goes back.
func crashAnywhere(s *suite) {
	c, ok := s.place.(Crasher)
	if !ok {
		s.Logf("not asked: the place is no Crasher")
		return
	}
	s.ship(1)
	for n := range maxSteps {
		for _, finish := range []bool{false, true} {
			if !s.crashOne(c, n, finish) {
				return
			}
		}
	}
	s.Errorf("an order has more than %d steps", maxSteps)
}

// crashOne ships release 2 over release 1, dies after n steps, and takes over. The
// successor finishes, or goes back at once; in the end release 1 is live again.
func (s *suite) crashOne(c Crasher, n int, finish bool) bool {
	s.Helper()
	one, two := s.artifact(1).Digest, s.artifact(2).Digest
	first, second := s.order(2, target.Forward), s.order(2, target.Forward)
	revive := c.CrashAfter(n)
	err := s.t.Prepare(s.Context(), first, s.artifact(2))
	if err == nil {
		err = s.t.Activate(s.Context(), second)
	}
	crashed := revive()
	if !crashed && err != nil {
		s.Errorf("with no crash in %d steps: %v", n, err)
	}
	s.open()
	if _, err := s.t.Observe(s.Context(), s.orderNone()); err != nil {
		s.Errorf("fencing observe after a crash at step %d: %v", n, err)
	}
	s.onEither(one, two)
	s.refuse("the dead deployer's order", second)
	if finish {
		s.prepare(2)
		s.activate(s.order(2, target.Forward))
	}
	back := s.order(1, target.Backward)
	s.activate(back)
	return crashed
}

func unreachableUnit(s *suite) {
	c, ok := s.place.(Cutter)
	if !ok {
		s.Logf("not asked: the place is no Cutter")
		return
	}
	one := s.ship(1)
	all := names(s.observe())
	off := all[len(all)-1]
	c.Cut(off, true)
	s.unknownIs(off)

	var unit *target.UnitError
	err := s.t.Prepare(s.Context(), s.order(2, target.Forward), s.artifact(2))
	if !errors.As(err, &unit) || unit.Unit != off {
		s.Errorf("prepare with %s out of reach: got %v, want its UnitError", off, err)
	}
	err = s.t.Activate(s.Context(), s.order(2, target.Backward))
	if budget := s.observe().Budget; err == nil && budget < 1 {
		s.Errorf("activate with %s out of reach and no budget for it: no error", off)
	}
	for u, digest := range digests(s.observe()) {
		if u != off && digest != s.artifact(2).Digest {
			s.Errorf("unit %s is on %s: a rollback stopped because %s is out of reach", u, s.named(digest), off)
		}
	}
	c.Cut(off, false)
	if got := digests(s.observe())[off]; got != one.Release.Digest {
		s.Errorf("unit %s is on %s though nobody reached it", off, s.named(got))
	}
	s.prepare(2)
	s.activate(s.order(2, target.Again))
}

// unknownIs wants exactly one unit to be unknown, with a problem.
func (s *suite) unknownIs(name string) {
	s.Helper()
	for _, u := range s.observe().Units {
		if (u.Condition == target.Unknown) != (u.Name == name) || u.Name == name && (u.Problem == "" || u.Digest != "") {
			s.Errorf("with %s out of reach, unit %s reads as %s on %s, problem %q", name, u.Name, condition(u), s.named(u.Digest), u.Problem)
		}
	}
}

func convergenceAfterDrift(s *suite) {
	d, ok := s.place.(Drifter)
	if !ok {
		s.Logf("not asked: the place is no Drifter")
		return
	}
	one := s.ship(1)
	unit := names(s.observe())[0]
	d.Drift(unit)
	for _, u := range s.observe().Units {
		if u.Name == unit && u.Digest == one.Release.Digest && u.Condition == target.Serving {
			s.Errorf("unit %s drifted and reads as serving %s", unit, s.named(u.Digest))
		}
	}
	s.converge(unit)
}

func convergenceAfterJoin(s *suite) {
	j, ok := s.place.(Joiner)
	if !ok {
		s.Logf("not asked: the place is no Joiner")
		return
	}
	s.ship(1)
	unit := j.Join()
	if !slices.Contains(names(s.observe()), unit) {
		s.Errorf("unit %s joined and is not listed", unit)
	}
	s.converge(unit)
}

// converge prepares and activates release 1 again and wants one unit touched.
func (s *suite) converge(unit string) {
	s.Helper()
	s.prepare(1)
	o := s.order(1, target.Again)
	var w witness
	o.Begin = w.begin
	s.activate(o)
	if !slices.Equal(w.units(), []string{unit}) {
		s.Errorf("convergence touched %v, want %s only", w.units(), unit)
	}
}
