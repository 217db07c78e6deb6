package targettest

import (
	"context"
	"errors"

	"github.com/muster-deploy/muster/target"
)

// Phase is a kind of step in the work of a Memory.
type Phase string

// The phases, in the order in which they come. Each is asked about before it has
// any effect.
const (
	// Prepare brings a release to a unit.
	Prepare Phase = "prepare"
	// Pointer writes what booting units read; Point.Unit is empty.
	Pointer Phase = "pointer"
	// Plan reads a unit before the first batch, and raises its fence where the
	// release is live already.
	Plan Phase = "plan"
	// Switch raises the fence of a unit and makes the release live on it.
	Switch Phase = "switch"
	// Confirm asks the unit whether it is healthy.
	Confirm Phase = "confirm"
	// Retire drops releases that are no longer needed.
	Retire Phase = "retire"
	// Observe reads a unit, and raises its fence if the order has a number.
	Observe Phase = "observe"
	// Boot is a booting unit that has read the pointer and not yet acted on it.
	Boot Phase = "boot"
)

// Point is one step on one unit that is about to happen.
type Point struct {
	Phase Phase
	Unit  string
	Order target.Order
}

// What a Hook returns to have more happen than a failure. They may be wrapped.
var (
	// ErrUnreachable keeps the step from happening: the unit was not reached.
	ErrUnreachable = errors.New("targettest: unit is unreachable")

	// ErrLost lets the step happen, but its answer is lost: the caller sees a unit
	// that was not reached.
	ErrLost = errors.New("targettest: answer was lost")

	// ErrPowerCut ends the whole call before the step, as the death of the deployer
	// does: the call returns it, and nothing else is done or put back.
	ErrPowerCut = errors.New("targettest: power was cut")
)

// Hook is asked before every step. It may sleep (also in a bubble of synctest), block
// until ctx ends, or change the Memory: no lock is held. Any error but those above
// makes the step fail: the unit is as it was before it, except that a unit whose
// Confirm fails puts back what it served.
type Hook func(ctx context.Context, p Point) error

// at asks the hook about one step. The step happens if it returns nil or ErrLost.
func (m *Memory) at(ctx context.Context, p Phase, unit string, o target.Order) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.Hook == nil {
		return nil
	}
	return m.Hook(ctx, Point{Phase: p, Unit: unit, Order: o})
}

// step asks the hook, then runs f with the lock held unless the step is kept from
// happening or the unit is cut off or gone.
func (m *Memory) step(ctx context.Context, p Phase, name string, o target.Order, f func(*unit) error) error {
	asked := m.at(ctx, p, name, o)
	if asked != nil && !errors.Is(asked, ErrLost) {
		return asked
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	u := m.find(name)
	switch {
	case u == nil:
		return errGone
	case u.cut:
		return ErrUnreachable
	}
	if err := f(u); err != nil {
		return err
	}
	return asked
}

// errGone says that the unit left the membership while it was worked on.
var errGone = errors.New("targettest: unit has left")

// fatal says whether an error on one unit ends the whole call.
func fatal(ctx context.Context, err error) bool {
	return errors.Is(err, ErrPowerCut) || errors.Is(err, target.ErrStale) ||
		ctx.Err() != nil && errors.Is(err, ctx.Err())
}
