package elb

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/muster-deploy/muster/target/fleet"
)

// Balancer is a fleet.Balancer of target groups. It may be used by many goroutines at
// once.
type Balancer struct {
	groups []*group
}

// New checks the config, all of it, and asks nothing.
func New(c Config) (*Balancer, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.fill()
	b := &Balancer{}
	for _, arn := range c.Groups {
		b.groups = append(b.groups, newGroup(&c, arn))
	}
	return b, nil
}

// Deregister implements fleet.Balancer.
func (b *Balancer) Deregister(ctx context.Context, h fleet.Host) error {
	return b.each(func(g *group) error {
		if err := g.leave.ask(ctx, h.Name); err != nil {
			return fmt.Errorf("deregister %s from %s: %w", h.Name, g.arn, err)
		}
		return g.wait(ctx, h.Name, "drain", drained)
	})
}

// Register implements fleet.Balancer.
func (b *Balancer) Register(ctx context.Context, h fleet.Host) error {
	return b.each(func(g *group) error {
		if err := g.enter.ask(ctx, h.Name); err != nil {
			return fmt.Errorf("register %s with %s: %w", h.Name, g.arn, err)
		}
		return g.wait(ctx, h.Name, "become healthy", healthy)
	})
}

// InService returns the instances that get requests from every group.
func (b *Balancer) InService(ctx context.Context) (map[string]bool, error) {
	counts := map[string]int{}
	for _, g := range b.groups {
		states, err := g.look(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the health of %s: %w", g.arn, err)
		}
		for id, s := range states {
			if healthy(s) {
				counts[id]++
			}
		}
	}
	in := map[string]bool{}
	for id, n := range counts {
		in[id] = n == len(b.groups)
	}
	return in, nil
}

// each works on all groups at once.
func (b *Balancer) each(work func(*group) error) error {
	errs := make([]error, len(b.groups))
	var all sync.WaitGroup
	for i, g := range b.groups {
		all.Go(func() { errs[i] = work(g) })
	}
	all.Wait()
	return errors.Join(errs...)
}

// state is what a group says of a target; the zero state is that of one it does not
// know.
type state struct {
	is     types.TargetHealthStateEnum
	reason string
}

// String is for people.
func (s state) String() string {
	switch {
	case s.is == "":
		return "not registered"
	case s.reason != "":
		return fmt.Sprintf("%s (%s)", s.is, s.reason)
	}
	return string(s.is)
}

// drained also holds for a target that waits for its group to be used by a listener: it
// gets no requests.
func drained(s state) bool {
	return s.is == "" || s.is == types.TargetHealthStateEnumUnused
}

func healthy(s state) bool { return s.is == types.TargetHealthStateEnumHealthy }
