package ec2target

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
)

// crew is whom a deploy goes to, where instances boot by a pointer: those that are there
// when it begins. One that boots meanwhile follows the pointer, which does not name the
// release yet; it is neither waited for nor a failure, and the order that declares the
// release brings it along. Without a pointer nobody comes up by himself, and all members
// are the crew.
type crew struct {
	mu     sync.Mutex
	muster bool            // the next list is the crew
	names  map[string]bool // nil: no deploy has begun since the last declaration
}

// begin has the next list of members be the crew.
func (c *crew) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muster = true
}

// disband ends the deploy.
func (c *crew) disband() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.muster, c.names = false, nil
}

// of leaves out who boots, unless that is everybody: the first release has to come from
// somewhere.
func (c *crew) of(members []Instance) []Instance {
	up := slices.DeleteFunc(slices.Clone(members), func(i Instance) bool { return i.Booting })
	if len(up) == 0 {
		up = members
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.muster {
		c.muster, c.names = false, map[string]bool{}
		for _, i := range up {
			c.names[i.ID] = true
		}
	}
	return up
}

// units leaves out those that are none of the crew.
func (c *crew) units(all []target.Unit) []target.Unit {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.names == nil {
		return all
	}
	return slices.DeleteFunc(all, func(u target.Unit) bool { return !c.names[u.Name] })
}

// rolls says which fleet an order is for: a deploy is for those who are up.
func (t *Target) rolls(o target.Order) *fleet.Fleet {
	if t.c.Boot != nil && (o.Intent == target.Forward || o.Intent == "") {
		return t.forward
	}
	return t.Fleet
}

// Prepare implements target.Target: instances that boot have to find the release, too.
func (t *Target) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if t.c.Boot != nil && a != nil && a.Digest == o.Release.Digest {
		if err := t.c.Boot.Publish(ctx, a); err != nil {
			return fmt.Errorf("prepare %s: %w", t.c.Name, err)
		}
	}
	return t.rolls(o).Prepare(ctx, o, a)
}

// Activate implements target.Target.
func (t *Target) Activate(ctx context.Context, o target.Order) error {
	f := t.rolls(o)
	if t.crew.disband(); f == t.forward {
		t.crew.begin()
	}
	return f.Activate(ctx, o)
}

// Plan implements target.Planner.
func (t *Target) Plan(ctx context.Context, o target.Order) ([]target.Step, error) {
	return t.rolls(o).Plan(ctx, o)
}

// Observe implements target.Target. Between a deploy's order and the one that declares
// its release, instances that have booted meanwhile are not listed, where they boot by a
// pointer. A fence is raised on all.
func (t *Target) Observe(ctx context.Context, o target.Order) (target.State, error) {
	s, err := t.Fleet.Observe(ctx, o)
	if o.Number == 0 {
		s.Units = t.crew.units(s.Units)
	}
	return s, err
}
