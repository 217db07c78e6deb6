package canary

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/budget"
	"github.com/muster-deploy/muster/target/host"
)

// Client is what a Canary asks of Auto Scaling. A *autoscaling.Client is one.
type Client interface {
	DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
	SetDesiredCapacity(context.Context, *autoscaling.SetDesiredCapacityInput, ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error)
	PutScheduledUpdateGroupAction(context.Context, *autoscaling.PutScheduledUpdateGroupActionInput, ...func(*autoscaling.Options)) (*autoscaling.PutScheduledUpdateGroupActionOutput, error)
}

// Pointer names the release that canaries boot into. A *boot.Pointer is one.
type Pointer interface {
	// Propose has canaries that boot from now on boot into r. It is called while there is
	// none. Twice is once.
	Propose(ctx context.Context, r target.Release) error
	// Proposed returns what was proposed last.
	Proposed(ctx context.Context) (boot.Declared, error)
}

// Config describes a Canary. Client, Group, Pointer, Reach and Host are required.
type Config struct {
	// Client sends the requests. It is not relied on to retry: Calls does.
	Client Client

	// Group is the name of the Auto Scaling group, which desires no instance at rest.
	Group string

	// Pointer is that of the fleet, so that all that instances boot by is in it.
	Pointer Pointer

	// Reach is the way to an instance, as in ec2target.Config.
	Reach func(ec2target.Instance) host.Transport

	// Host is what the fleet's hosts have in common, as in ec2target.Config.
	Host host.Config

	// Patience is how long the instance may take, from when a release is first asked about
	// by this process, until the verdict is bad; zero means 15 min. It has to be shorter than
	// the stage's Limit. Auto Scaling ends an instance that nobody has ended twice as long
	// after it was started.
	Patience time.Duration

	// ObserveLimit ends one reading of the instance; zero means 8 s, so that a look is over
	// within the stage's Every.
	ObserveLimit time.Duration

	// Calls is the budget of calls to Auto Scaling, which may be shared. Nil: one of its own.
	Calls *budget.Calls
}

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("canary: "+format, args...))
		}
	}
	complain(c.Client == nil, "Client is nil: pass a *autoscaling.Client")
	complain(c.Group == "", "Group is empty: want the name of an Auto Scaling group of its own")
	complain(c.Pointer == nil, "Pointer is nil: pass the fleet's *boot.Pointer")
	complain(c.Reach == nil, "Reach is nil: want a way to an instance, such as runcommand.Sender.Instance")
	complain(c.Host.Name != "" || c.Host.Transport != nil, "Host has a Name or a Transport: they are set for the instance")
	complain(c.Patience < 0, "Patience is %v: want a duration from 0", c.Patience)
	complain(c.ObserveLimit < 0, "ObserveLimit is %v: want a duration from 0", c.ObserveLimit)
	if len(all) == 0 {
		_, err := host.New(c.host(ec2target.Instance{ID: "instance"}, host.Exec{}))
		complain(err != nil, "%w", err)
	}
	return errors.Join(all...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	if c.Patience == 0 {
		c.Patience = 15 * time.Minute
	}
	if c.ObserveLimit == 0 {
		c.ObserveLimit = 8 * time.Second
	}
	if c.Calls == nil {
		c.Calls = &budget.Calls{}
	}
}

func (c *Config) host(i ec2target.Instance, by host.Transport) host.Config {
	h := c.Host
	h.Name, h.Transport = i.ID, by
	return h
}
