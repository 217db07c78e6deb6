// Package scaling lists the members of a fleet by Auto Scaling group.
//
//	web := &scaling.Groups{Client: autoscaling.NewFromConfig(cfg), Names: []string{"shop"}}
//
// A member is an instance that is in service, or on its way there: one that boots is a
// member before it serves, so that no rollout passes it by. Those in standby, and those
// that end, are none. Nothing of a group is ever suspended or changed.
//
// The file policy.json beside this one is all that it needs: AWS grants lists as a whole only.
package scaling

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"

	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
)

// Client is what Groups asks of Auto Scaling. A *autoscaling.Client is one.
type Client interface {
	DescribeAutoScalingGroups(context.Context, *autoscaling.DescribeAutoScalingGroupsInput, ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error)
}

// Groups are the members of Auto Scaling groups. Client and Names are required.
type Groups struct {
	Client Client
	Names  []string

	// Booting says whether an instance is a member from its start on. False: from when
	// Auto Scaling takes it for healthy, or a lifecycle hook holds it.
	Booting bool

	// Calls is the budget of calls. Nil: one for each list.
	Calls *budget.Calls
}

// Members implements ec2target.Members. A group that is not there is an error: it is taken
// for a mistake in its name.
func (g *Groups) Members(ctx context.Context) ([]ec2target.Instance, error) {
	if len(g.Names) == 0 || slices.Contains(g.Names, "") {
		return nil, errors.New("list Auto Scaling groups: Names is empty, or has an empty one: it would be all of the account")
	}
	groups, err := g.describe(ctx)
	if err != nil {
		return nil, fmt.Errorf("list Auto Scaling groups (autoscaling:DescribeAutoScalingGroups): %w", err)
	}
	var all []ec2target.Instance
	missing := slices.Clone(g.Names)
	for _, group := range groups {
		missing = slices.DeleteFunc(missing, func(name string) bool { return name == aws.ToString(group.AutoScalingGroupName) })
		for _, i := range group.Instances {
			if g.member(i.LifecycleState) {
				all = append(all, ec2target.Instance{
					ID: aws.ToString(i.InstanceId), Zone: aws.ToString(i.AvailabilityZone),
					Booting: i.LifecycleState != types.LifecycleStateInService,
				})
			}
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("list Auto Scaling groups: there is no %q in this account and region", missing)
	}
	return all, nil
}

func (g *Groups) member(s types.LifecycleState) bool {
	switch s {
	case types.LifecycleStateInService, types.LifecycleStatePendingWait, types.LifecycleStatePendingProceed:
		return true
	case types.LifecycleStatePending:
		return g.Booting
	}
	return false
}

// describe reads all pages.
func (g *Groups) describe(ctx context.Context) ([]types.AutoScalingGroup, error) {
	calls := g.Calls
	if calls == nil {
		calls = &budget.Calls{}
	}
	in := &autoscaling.DescribeAutoScalingGroupsInput{AutoScalingGroupNames: g.Names}
	var all []types.AutoScalingGroup
	for {
		var out *autoscaling.DescribeAutoScalingGroupsOutput
		err := calls.Do(ctx, func(ctx context.Context) (err error) {
			out, err = g.Client.DescribeAutoScalingGroups(ctx, in, once)
			return err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, out.AutoScalingGroups...)
		if in.NextToken = out.NextToken; aws.ToString(in.NextToken) == "" {
			return all, nil
		}
	}
}

// once has the budget alone retry.
func once(o *autoscaling.Options) { o.Retryer = aws.NopRetryer{} }
