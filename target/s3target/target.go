package s3target

import (
	"sync/atomic"

	"github.com/muster-deploy/muster/target"
)

// Target is a site in a bucket, of one unit. Make one with New or Open. All methods
// may be called by many goroutines at once, on any number of machines.
type Target struct {
	config   Config
	releases releases
	gate     *gate
	doubt    atomic.Bool // an object that a manifest names was not there
}

var (
	_ target.Target  = (*Target)(nil)
	_ target.Planner = (*Target)(nil)
	_ target.Fenced  = (*Target)(nil)
)

// New returns the target of a site. It checks all of c at once, and does no input or
// output: see Open.
func New(c Config) (*Target, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.complete()
	return &Target{config: c, gate: newGate(c.Parallel)}, nil
}

// Name implements target.Target.
func (t *Target) Name() string { return t.config.Name }

// Fencing implements target.Fenced: the pointer is fenced for certain, the public keys
// are not. See the package's documentation.
func (t *Target) Fencing() target.Fencing { return target.BestEffort }

// report tells the order's listener about the one unit.
func (t *Target) report(o target.Order, p target.Progress) {
	p.Unit = t.config.Name
	o.Tell(p)
}
