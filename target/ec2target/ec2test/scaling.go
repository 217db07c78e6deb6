package ec2test

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// DescribeAutoScalingGroups tells of the groups that are named, and of their instances.
func (c *Cloud) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	if err := c.enter(ctx, "DescribeAutoScalingGroups"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []types.AutoScalingGroup
	for name, g := range c.scaling {
		if len(in.AutoScalingGroupNames) == 0 || slices.Contains(in.AutoScalingGroupNames, name) {
			all = append(all, c.describe(g))
		}
	}
	sortedBy(all, func(g types.AutoScalingGroup) string { return *g.AutoScalingGroupName })
	part, next, err := page(all, in.NextToken, 50)
	return &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: part, NextToken: next}, err
}

func (c *Cloud) describe(g *scalingGroup) types.AutoScalingGroup {
	out := types.AutoScalingGroup{
		AutoScalingGroupName: &g.Name, DesiredCapacity: new(int32(g.desired)), MinSize: new(int32(g.Min)), MaxSize: new(int32(g.Max)),
		TargetGroupARNs: g.TargetGroups,
	}
	for _, i := range c.of(g.Name) {
		out.Instances = append(out.Instances, types.Instance{InstanceId: &i.ID, AvailabilityZone: &i.Zone, LifecycleState: i.life})
	}
	sortedBy(out.Instances, func(i types.Instance) string { return *i.InstanceId })
	return out
}

// called finds the group that a call names, and lets f work on it.
func (c *Cloud) called(ctx context.Context, call string, name *string, f func(*scalingGroup) error) error {
	if err := c.enter(ctx, call); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	g := c.scaling[text(name)]
	if g == nil {
		return failure("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '"+text(name)+"' not found")
	}
	return f(g)
}

// SetDesiredCapacity starts the instances that are missing, and ends those that are too
// many, the oldest first.
func (c *Cloud) SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, _ ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error) {
	err := c.called(ctx, "SetDesiredCapacity", in.AutoScalingGroupName, func(g *scalingGroup) error {
		return c.resize(g, int(*in.DesiredCapacity))
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.SetDesiredCapacityOutput{}, nil
}

// PutScheduledUpdateGroupAction has the desired capacity change at a time that is to
// come, once. The action of the same name is replaced.
func (c *Cloud) PutScheduledUpdateGroupAction(ctx context.Context, in *autoscaling.PutScheduledUpdateGroupActionInput, _ ...func(*autoscaling.Options)) (*autoscaling.PutScheduledUpdateGroupActionOutput, error) {
	err := c.called(ctx, "PutScheduledUpdateGroupAction", in.AutoScalingGroupName, func(g *scalingGroup) error {
		switch {
		case in.StartTime == nil || !in.StartTime.After(time.Now()):
			return failure("ValidationError", "Given start time is in the past")
		case in.DesiredCapacity == nil:
			return failure("ValidationError", "At least one of min size, max size and desired capacity is required")
		}
		if old := g.scheduled[text(in.ScheduledActionName)]; old != nil {
			old.Stop()
		}
		g.scheduled[text(in.ScheduledActionName)] = time.AfterFunc(time.Until(*in.StartTime), func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			_ = c.resize(g, int(*in.DesiredCapacity)) // as there: what is out of bounds does nothing
		})
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.PutScheduledUpdateGroupActionOutput{}, nil
}

// CompleteLifecycleAction lets an instance that a hook holds into service, or ends it.
func (c *Cloud) CompleteLifecycleAction(ctx context.Context, in *autoscaling.CompleteLifecycleActionInput, _ ...func(*autoscaling.Options)) (*autoscaling.CompleteLifecycleActionOutput, error) {
	err := c.called(ctx, "CompleteLifecycleAction", in.AutoScalingGroupName, func(g *scalingGroup) error {
		i := c.instances[text(in.InstanceId)]
		switch {
		case i == nil || i.Group != g.Name || i.life != types.LifecycleStatePendingWait || g.Hook != text(in.LifecycleHookName):
			return failure("ValidationError", "No active Lifecycle Action found with instance ID "+text(in.InstanceId))
		case text(in.LifecycleActionResult) == "CONTINUE":
			c.serve(g, i)
		default:
			c.end(i)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &autoscaling.CompleteLifecycleActionOutput{}, nil
}

// TerminateInstanceInAutoScalingGroup ends an instance. Another one takes its place,
// unless the desired capacity is to be decremented.
func (c *Cloud) TerminateInstanceInAutoScalingGroup(ctx context.Context, in *autoscaling.TerminateInstanceInAutoScalingGroupInput, _ ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	if err := c.enter(ctx, "TerminateInstanceInAutoScalingGroup"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.instances[text(in.InstanceId)]
	if i == nil || i.Group == "" {
		return nil, failure("ValidationError", "Instance Id not found - No managed instance found for instance ID "+text(in.InstanceId))
	}
	g := c.scale(i.Group)
	if in.ShouldDecrementDesiredCapacity != nil && *in.ShouldDecrementDesiredCapacity && !i.ending() {
		if g.desired <= g.Min {
			return nil, failure("ValidationError", "Currently, desired capacity equals min size, terminating instance without replacement will violate group's min size constraint")
		}
		g.desired--
	}
	c.retire(g, i)
	c.balance(g)
	return &autoscaling.TerminateInstanceInAutoScalingGroupOutput{}, nil
}
