package fleet

import (
	"context"

	"github.com/muster-deploy/muster/target"
)

// Host is one member of a fleet.
type Host struct {
	// Name is unique in the fleet and is the name of the unit.
	Name string
	// Zone is the failure domain that the host stands in; empty is a zone, too.
	Zone string
	// Target is the host itself: one that has exactly one unit, whatever its name.
	Target target.Target
}

// Balancer sends requests to hosts. The fleet calls it for many hosts at once, but
// has at most one call per host under way in one Activate. Every call may come again, after a
// crash or from a deployer that was overtaken: what is so already is no error.
type Balancer interface {
	// Deregister takes the host out of service and drains it: it returns nil once
	// the host gets no new requests and those under way have ended, or have had as
	// long as the implementation grants them. When ctx ends first (after
	// Config.DrainLimit), it returns an error, and the fleet registers the host again.
	Deregister(ctx context.Context, h Host) error

	// Register puts the host back into service and returns once requests reach it.
	// It is called for hosts that answered healthy, also those that never left.
	Register(ctx context.Context, h Host) error
}

// none is the balancer of a fleet that has none.
type none struct{}

func (none) Deregister(context.Context, Host) error { return nil }
func (none) Register(context.Context, Host) error   { return nil }
