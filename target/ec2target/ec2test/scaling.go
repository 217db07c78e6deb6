package ec2test

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// scalingGroup is an Auto Scaling group.
type scalingGroup struct {
	launch func() Instance
}

// AddScalingGroup makes an Auto Scaling group. Launch, if it is not nil, describes the
// instance that the group starts when more are desired.
func (c *Cloud) AddScalingGroup(name string, launch func() Instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.scale(name).launch = launch
}

// scale returns the group of that name. The lock is held.
func (c *Cloud) scale(name string) *scalingGroup {
	g := c.scaling[name]
	if g == nil {
		g = &scalingGroup{}
		c.scaling[name] = g
	}
	return g
}

// DescribeAutoScalingGroups tells of the groups that are named, and of their instances.
func (c *Cloud) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, _ ...func(*autoscaling.Options)) (*autoscaling.DescribeAutoScalingGroupsOutput, error) {
	if err := c.enter(ctx, "DescribeAutoScalingGroups"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []types.AutoScalingGroup
	for name := range c.scaling {
		if len(in.AutoScalingGroupNames) == 0 || slices.Contains(in.AutoScalingGroupNames, name) {
			all = append(all, c.describe(name))
		}
	}
	sortedBy(all, func(g types.AutoScalingGroup) string { return *g.AutoScalingGroupName })
	part, next, err := page(all, in.NextToken, 50)
	return &autoscaling.DescribeAutoScalingGroupsOutput{AutoScalingGroups: part, NextToken: next}, err
}

func (c *Cloud) describe(name string) types.AutoScalingGroup {
	g := types.AutoScalingGroup{AutoScalingGroupName: &name}
	for _, i := range c.instances {
		if i.Group == name {
			g.Instances = append(g.Instances, types.Instance{
				InstanceId: &i.ID, AvailabilityZone: &i.Zone, LifecycleState: types.LifecycleState(i.life),
			})
		}
	}
	sortedBy(g.Instances, func(i types.Instance) string { return *i.InstanceId })
	g.DesiredCapacity = new(int32(len(g.Instances)))
	return g
}

// SetDesiredCapacity starts the instances that are missing.
func (c *Cloud) SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, _ ...func(*autoscaling.Options)) (*autoscaling.SetDesiredCapacityOutput, error) {
	if err := c.enter(ctx, "SetDesiredCapacity"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	g := c.scaling[text(in.AutoScalingGroupName)]
	if g == nil || g.launch == nil {
		c.mu.Unlock()
		return nil, failure("ValidationError", "AutoScalingGroup name not found")
	}
	missing := int(*in.DesiredCapacity) - len(c.describe(*in.AutoScalingGroupName).Instances)
	c.mu.Unlock()
	for range missing {
		i := g.launch()
		i.Group = *in.AutoScalingGroupName
		c.Launch(i)
	}
	return &autoscaling.SetDesiredCapacityOutput{}, nil
}

// TerminateInstanceInAutoScalingGroup ends an instance.
func (c *Cloud) TerminateInstanceInAutoScalingGroup(ctx context.Context, in *autoscaling.TerminateInstanceInAutoScalingGroupInput, _ ...func(*autoscaling.Options)) (*autoscaling.TerminateInstanceInAutoScalingGroupOutput, error) {
	if err := c.enter(ctx, "TerminateInstanceInAutoScalingGroup"); err != nil {
		return nil, err
	}
	c.Terminate(text(in.InstanceId))
	return &autoscaling.TerminateInstanceInAutoScalingGroupOutput{}, nil
}
