package elb

import (
	"context"
	"errors"
	"fmt"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/muster-deploy/muster/target/ec2target/budget"
)

// Client is what a Balancer asks of Elastic Load Balancing. A
// *elasticloadbalancingv2.Client is one.
type Client interface {
	RegisterTargets(context.Context, *elb.RegisterTargetsInput, ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error)
	DeregisterTargets(context.Context, *elb.DeregisterTargetsInput, ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error)
	DescribeTargetHealth(context.Context, *elb.DescribeTargetHealthInput, ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error)
}

// Config describes a Balancer. Client and Groups are required.
type Config struct {
	// Client sends the requests. It is not relied on to retry: Calls does.
	Client Client

	// Groups are the ARNs of the target groups: an instance is in all of them.
	Groups []string

	// Calls is the budget of calls, which may be shared. Nil: one of its own.
	Calls *budget.Calls

	// Interval is the pause between two looks at a group's health; zero means 1 s.
	Interval time.Duration

	// Gather is how long a call waits for others, to be made as one; zero means 100 ms.
	Gather time.Duration
}

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("elb: "+format, args...))
		}
	}
	complain(c.Client == nil, "Client is nil: pass a *elasticloadbalancingv2.Client")
	complain(len(c.Groups) == 0, "Groups is empty: want the ARNs of target groups")
	seen := map[string]bool{}
	for _, arn := range c.Groups {
		complain(arn == "", "Groups has an empty ARN")
		complain(arn != "" && seen[arn], "Groups has %s twice", arn)
		seen[arn] = true
	}
	complain(c.Interval < 0, "Interval is %v: want a duration from 0", c.Interval)
	complain(c.Gather < 0, "Gather is %v: want a duration from 0", c.Gather)
	return errors.Join(all...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	if c.Calls == nil {
		c.Calls = &budget.Calls{}
	}
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.Gather == 0 {
		c.Gather = 100 * time.Millisecond
	}
}
