package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/muster-deploy/muster/target"
)

// Activate implements target.Target.
func (m *Memory) Activate(ctx context.Context, o target.Order) error {
	if o.Number == 0 {
		return errors.New("activate: order has no number")
	}
	if err := m.declare(ctx, o); err != nil {
		return fmt.Errorf("activate: write pointer: %w", err)
	}
	a := activation{m: m, o: o}
	if err := a.plan(ctx); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	if err := a.run(ctx); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	if len(a.failed) > m.Budget {
		return fmt.Errorf("activate: %w", errors.Join(a.failed...))
	}
	return nil
}

// Plan implements target.Planner.
func (m *Memory) Plan(_ context.Context, o target.Order) ([]target.Step, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var todo []string
	for _, u := range m.units {
		if !u.cut && !u.serves(o.Release.Digest) {
			todo = append(todo, u.name)
		}
	}
	return m.steps(todo), nil
}

// steps cuts a list of units into batches.
func (m *Memory) steps(units []string) []target.Step {
	if len(units) == 0 {
		return nil
	}
	size := m.Batch
	if size <= 0 {
		size = len(units)
	}
	var steps []target.Step
	for chunk := range slices.Chunk(units, size) {
		steps = append(steps, target.Step{Batch: len(steps) + 1, Units: chunk})
	}
	for i := range steps {
		steps[i].Batches = len(steps)
	}
	return steps
}

// activation is one call of Activate under way.
type activation struct {
	m      *Memory
	o      target.Order
	steps  []target.Step
	failed []error
}

// plan finds the units that have to be switched, and raises the fence of those
// that need not.
func (a *activation) plan(ctx context.Context) error {
	var todo []string
	for _, name := range a.m.Members() {
		err := a.m.step(ctx, Plan, name, a.o, func(u *unit) error {
			if u.serves(a.o.Release.Digest) {
				return u.fence.raise(a.o.Number, a.o.Release.Digest)
			}
			if !u.fence.admits(a.o.Number, a.o.Release.Digest) {
				return target.ErrStale
			}
			todo = append(todo, name)
			return nil
		})
		if err := a.count(ctx, name, err); err != nil {
			return err
		}
	}
	a.steps = a.m.steps(todo)
	return nil
}

// run begins one step after the other until the budget is spent. A rollback goes
// past failures.
func (a *activation) run(ctx context.Context) error {
	for _, s := range a.steps {
		if len(a.failed) > a.m.Budget && a.o.Intent != target.Backward {
			return nil
		}
		if err := a.o.Ask(ctx, s); err != nil {
			return fmt.Errorf("begin batch %d of %d: %w", s.Batch, s.Batches, err)
		}
		for _, name := range s.Units {
			if err := a.count(ctx, name, a.m.activate(ctx, name, a.o)); err != nil {
				return err
			}
		}
	}
	return nil
}

// count files what one unit came to. What it returns ends the call.
func (a *activation) count(ctx context.Context, name string, err error) error {
	switch {
	case err == nil, errors.Is(err, errGone):
		return nil
	case fatal(ctx, err):
		return unitError(name, err)
	}
	a.failed = append(a.failed, unitError(name, err))
	a.o.Tell(target.Progress{Unit: name, Phase: "failed"})
	return nil
}

// activate takes one unit through switch, confirm and retire.
func (m *Memory) activate(ctx context.Context, name string, o target.Order) error {
	var was stand
	err := m.step(ctx, Switch, name, o, func(u *unit) error {
		was = u.stand
		return m.change(u, o)
	})
	if errors.Is(err, ErrLost) { // the unit goes on by itself
		m.with(name, func(u *unit) { err = errors.Join(err, u.confirm(o, was)) })
	}
	if err != nil {
		return err
	}
	err = m.step(ctx, Confirm, name, o, func(u *unit) error { return u.confirm(o, was) })
	if err != nil {
		return m.putBack(name, o, was, err)
	}
	if o.Keep == nil {
		return nil
	}
	err = m.step(ctx, Retire, name, o, func(u *unit) error { u.retire(o.Keep); return nil })
	if err != nil && !fatal(ctx, err) {
		return nil // what was not retired is only there a little longer
	}
	return err
}

// change is what the unit does under its lock: the fence, then the switch.
func (m *Memory) change(u *unit, o target.Order) error {
	if err := u.fence.raise(o.Number, o.Release.Digest); err != nil {
		return err
	}
	if !slices.Contains(u.prepared, o.Release.Digest) {
		return target.ErrUnprepared
	}
	m.record(u, o, o.Release.Digest, false)
	u.problem = "not confirmed yet"
	return nil
}

// putBack is the unit's own: it restores what it served. It stops if a newer order
// was there or its power was cut; if only the answer was lost, all went well.
func (m *Memory) putBack(name string, o target.Order, was stand, err error) error {
	if errors.Is(err, ErrPowerCut) || errors.Is(err, ErrLost) {
		return err
	}
	m.with(name, func(u *unit) {
		switch {
		case !u.fence.is(o):
		case was.live == o.Release.Digest:
			u.problem = err.Error() // there is nothing else to put back
		default:
			m.record(u, o, was.live, true)
			u.problem = was.problem
		}
	})
	return err
}
