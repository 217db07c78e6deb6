package target

import "context"

// As finds a capability of t, looking through decorators: values with a method
// Unwrap() Target. Capabilities are read-only interfaces of one method, like
// Planner.
func As[T any](t Target) (T, bool) {
	for t != nil {
		if c, ok := t.(T); ok {
			return c, true
		}
		u, ok := t.(interface{ Unwrap() Target })
		if !ok {
			break
		}
		t = u.Unwrap()
	}
	var none T
	return none, false
}

// Planner is the capability to say what Activate would do, without doing it.
type Planner interface {
	// Plan returns the steps that Activate would take for o now. It touches nothing.
	Plan(ctx context.Context, o Order) ([]Step, error)
}

// Fencing says how surely a target refuses overtaken orders.
type Fencing string

const (
	// Certain is the zero Fencing: no overtaken order changes a unit.
	Certain Fencing = ""

	// BestEffort means that every order leaves its number on the unit, and that later
	// ones are compared with it, but not in one step with the switch: a window remains,
	// which the target documents.
	BestEffort Fencing = "best effort"

	// LastSwitch is less than BestEffort, for a place that keeps nothing but what it
	// serves: only a switch leaves its number there. A fencing Observe, and an order that
	// finds its release live, are remembered by the target that was given them for as
	// long as it is open, and by no other deployer.
	LastSwitch Fencing = "last switch"
)

// Fenced is the capability to declare that fencing is less than certain. A target
// without it is held to Certain. What is declared is shown by a pipeline's status, and
// is what the suite in targettest asks for.
type Fenced interface {
	// Fencing never changes.
	Fencing() Fencing
}
