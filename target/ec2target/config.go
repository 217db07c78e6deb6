package ec2target

import (
	"context"
	"errors"
	"fmt"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
)

// Instance is one member.
type Instance struct {
	// ID is the instance's, "i-0123456789abcdef0", and the name of its unit.
	ID string
	// Zone is its availability zone, where that is known.
	Zone string
	// Address is its private address, where that is known: for ssh.
	Address string
	// Booting says that it is on its way into service and not there yet.
	Booting bool
}

// Members lists the instances that releases go to. The packages managed, scaling and
// ec2hosts have it by tag, by group and by id.
type Members interface {
	// Members returns all of them, or an error. It is asked at the start of each order,
	// and when an instance has failed. One that is about to end is no member.
	Members(ctx context.Context) ([]Instance, error)
}

// IDs are members that are known by their ids, wherever they are.
type IDs []string

// Members implements Members.
func (ids IDs) Members(context.Context) ([]Instance, error) {
	all := make([]Instance, len(ids))
	for i, id := range ids {
		all[i].ID = id
	}
	return all, nil
}

// Config describes a target. Name, Members, Reach and Host are required.
type Config struct {
	// Name is the target's name in its pipeline.
	Name string

	// Members are the instances.
	Members Members

	// Reach is the way to an instance: runcommand.Sender.Instance, or a connection by
	// ssh. It is called whenever members are listed, and does nothing by itself.
	Reach func(Instance) host.Transport

	// Host is what the hosts have in common: Root, Restart, URL, Shared, Packs and so on.
	// Its Name and Transport are set from the above.
	Host host.Config

	// Balancer takes instances out of service, as elb.Balancer does. Nil: nothing stands
	// before them.
	Balancer fleet.Balancer

	// Boot is told what instances that boot are to run: a boot.Pointer. Nil: nobody is.
	Boot Booter

	// Fleet is how releases roll over the instances: Canary, Batch, MinInService and so on.
	// Its Name, Hosts, Balancer and Declare are set from the above. What is zero is made for
	// a Sender, whose business it is what is sent at once: Parallel is 5,000, all instances
	// are prepared at once, ReadAhead is 100 and Foresee is 4%. A Balancer that has a method
	// InService, as elb.Balancer does, is asked by it.
	Fleet fleet.Config
}

// Booter is told what instances that boot are to run. The package boot has one.
type Booter interface {
	// Publish puts what an instance needs to boot into a where it finds it. It is called
	// before any host prepares a, and shows nothing to anybody.
	Publish(ctx context.Context, a *build.Artifact) error

	// Declare has instances boot into the order's release from now on, and refuses with
	// target.ErrStale when a higher number was declared.
	Declare(ctx context.Context, o target.Order) error
}

// check returns all complaints at once. What host and fleet check is left to them.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, what string) {
		if bad {
			all = append(all, errors.New(what))
		}
	}
	complain(c.Members == nil, "Members is nil: want a way to list the instances")
	complain(c.Reach == nil, "Reach is nil: want a way to an instance, such as runcommand.Sender.Instance")
	complain(c.Host.Name != "" || c.Host.Transport != nil, "Host has a Name or a Transport: they are set for each instance")
	complain(c.Fleet.Name != "" || c.Fleet.Hosts != nil || c.Fleet.Balancer != nil || c.Fleet.Declare != nil,
		"Fleet has a Name, Hosts, a Balancer or Declare: they are set from this Config")
	return errors.Join(all...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	or(&c.Fleet.Parallel, 5_000)
	or(&c.Fleet.PrepareParallel, 1_000_000) // the Sender has to know of all to share its slots well
	or(&c.Fleet.ReadAhead, 100)
	or(&c.Fleet.Foresee, fleet.Percent(4))
	if c.Host.Packs == nil {
		c.Host.Packs = &host.Packs{} // one for all, not one for each
	}
	if c.Fleet.Check == nil {
		c.Fleet.Check = func(context.Context, fleet.Host, string) error { return nil } // the script has asked
		c.Fleet.Probes = 1
	}
	if b, ok := c.Balancer.(census); ok && c.Fleet.InService == nil {
		c.Fleet.InService = b.InService
	}
	c.Fleet.Name, c.Fleet.Balancer = c.Name, c.Balancer
	if c.Boot != nil {
		c.Fleet.Declare = c.Boot.Declare
	}
}

// or gives a field its default.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// census is what a balancer may know besides.
type census interface {
	InService(ctx context.Context) (map[string]bool, error)
}

// Target is a target.Target over EC2 instances. It may be used by many goroutines at
// once.
type Target struct {
	*fleet.Fleet              // over all members
	forward      *fleet.Fleet // over those that are up
	c            Config
	crew         crew
}

// New checks the config, all of it, and asks nothing.
func New(c Config) (*Target, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("ec2target %q: %w", c.Name, err)
	}
	c.fill()
	t := &Target{c: c}
	if _, err := host.New(t.hostConfig("instance", host.Exec{})); err != nil { // what is wrong with one is wrong with all
		return nil, fmt.Errorf("ec2target %q: %w", c.Name, err)
	}
	rolling := c.Fleet
	rolling.Hosts = t.hosts
	var err error
	if t.Fleet, err = fleet.New(rolling); err != nil {
		return nil, fmt.Errorf("ec2target %q: %w", c.Name, err)
	}
	rolling.Hosts = t.settled
	t.forward, err = fleet.New(rolling)
	return t, err
}

// hosts makes a host of each member.
func (t *Target) hosts(ctx context.Context) ([]fleet.Host, error) {
	members, err := t.c.Members.Members(ctx)
	if err != nil {
		return nil, err
	}
	return t.reach(members)
}

// settled makes a host of each member that is up.
func (t *Target) settled(ctx context.Context) ([]fleet.Host, error) {
	members, err := t.c.Members.Members(ctx)
	if err != nil {
		return nil, err
	}
	return t.reach(t.crew.of(members))
}

func (t *Target) reach(members []Instance) ([]fleet.Host, error) {
	hosts := make([]fleet.Host, len(members))
	for i, m := range members {
		h, err := t.host(m)
		if err != nil {
			return nil, err
		}
		hosts[i] = fleet.Host{Name: m.ID, Zone: m.Zone, Target: h}
	}
	return hosts, nil
}

func (t *Target) host(m Instance) (*host.Host, error) {
	return host.New(t.hostConfig(m.ID, t.c.Reach(m)))
}

func (t *Target) hostConfig(name string, by host.Transport) host.Config {
	c := t.c.Host
	c.Name, c.Transport = name, by
	return c
}
