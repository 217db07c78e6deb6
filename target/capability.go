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
	// BestEffort means that a window remains, which the target documents.
	BestEffort Fencing = "best effort"
)

// Fenced is the capability to declare that fencing is less than certain. A target
// without it is held to Certain.
type Fenced interface {
	Fencing() Fencing
}
