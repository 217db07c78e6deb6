package ec2test

import (
	"context"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// targetGroup is a target group of a load balancer.
type targetGroup struct {
	targets map[string]*registered
}

// registered is a target, or one that drains.
type registered struct {
	since    time.Time
	draining bool
	sick     bool
}

// leave has a target get no new requests.
func (t *registered) leave() {
	if !t.draining {
		t.draining, t.since = true, time.Now()
	}
}

// AddTargetGroup makes a target group and returns its ARN.
func (c *Cloud) AddTargetGroup(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	arn := "arn:aws:elasticloadbalancing:eu-central-1:123456789012:targetgroup/" + name + "/0123456789abcdef"
	c.groups[arn] = &targetGroup{targets: map[string]*registered{}}
	return arn
}

// SickenTarget has a target fail its health checks, or pass them again.
func (c *Cloud) SickenTarget(arn, id string, sick bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.groups[arn].targets[id]; t != nil {
		t.sick = sick
	}
}

// Healthy lists the targets that get requests, sorted.
func (c *Cloud) Healthy(arn string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := []string{}
	for id := range c.groups[arn].targets {
		if state, _ := c.health(c.groups[arn], id); state == types.TargetHealthStateEnumHealthy {
			all = append(all, id)
		}
	}
	return sortedBy(all, func(id string) string { return id })
}

// health is the state of a target. The lock is held.
func (c *Cloud) health(g *targetGroup, id string) (types.TargetHealthStateEnum, types.TargetHealthReasonEnum) {
	t := g.targets[id]
	switch {
	case t == nil || t.draining && time.Since(t.since) >= c.c.Drain:
		return types.TargetHealthStateEnumUnused, types.TargetHealthReasonEnumNotRegistered
	case t.draining:
		return types.TargetHealthStateEnumDraining, types.TargetHealthReasonEnumDeregistrationInProgress
	case t.sick || !c.well(id):
		return types.TargetHealthStateEnumUnhealthy, types.TargetHealthReasonEnumFailedHealthChecks
	case time.Since(t.since) < c.c.Settle:
		return types.TargetHealthStateEnumInitial, types.TargetHealthReasonEnumRegistrationInProgress
	}
	return types.TargetHealthStateEnumHealthy, ""
}

// well asks a machine that can say so whether it serves. The lock is held.
func (c *Cloud) well(id string) bool {
	i := c.instances[id]
	if i == nil {
		return false
	}
	m, ok := i.Machine.(interface{ Healthy() bool })
	return !ok || m.Healthy()
}

// target finds a group, and checks what is asked of it. The lock is held.
func (c *Cloud) target(arn *string, targets []types.TargetDescription, must bool) (*targetGroup, error) {
	g := c.groups[text(arn)]
	if g == nil {
		return nil, &types.TargetGroupNotFoundException{Message: new("One or more target groups not found")}
	}
	for _, t := range targets {
		if must && c.instances[text(t.Id)] == nil {
			return nil, &types.InvalidTargetException{Message: new("The following targets are not in a running state and cannot be registered: '" + text(t.Id) + "'")}
		}
	}
	return g, nil
}

// RegisterTargets puts instances into a group.
func (c *Cloud) RegisterTargets(ctx context.Context, in *elb.RegisterTargetsInput, _ ...func(*elb.Options)) (*elb.RegisterTargetsOutput, error) {
	if err := c.enter(ctx, "RegisterTargets"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	g, err := c.target(in.TargetGroupArn, in.Targets, true)
	if err != nil {
		return nil, err
	}
	for _, t := range in.Targets {
		if old := g.targets[text(t.Id)]; old == nil || old.draining {
			g.targets[text(t.Id)] = &registered{since: time.Now()}
		}
	}
	return &elb.RegisterTargetsOutput{}, nil
}

// DeregisterTargets has instances get no new requests.
func (c *Cloud) DeregisterTargets(ctx context.Context, in *elb.DeregisterTargetsInput, _ ...func(*elb.Options)) (*elb.DeregisterTargetsOutput, error) {
	if err := c.enter(ctx, "DeregisterTargets"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	g, err := c.target(in.TargetGroupArn, in.Targets, false)
	if err != nil {
		return nil, err
	}
	for _, t := range in.Targets {
		if r := g.targets[text(t.Id)]; r != nil {
			r.leave()
		}
	}
	return &elb.DeregisterTargetsOutput{}, nil
}

// DescribeTargetHealth tells of all the targets of a group, or of those that are named.
func (c *Cloud) DescribeTargetHealth(ctx context.Context, in *elb.DescribeTargetHealthInput, _ ...func(*elb.Options)) (*elb.DescribeTargetHealthOutput, error) {
	if err := c.enter(ctx, "DescribeTargetHealth"); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	g, err := c.target(in.TargetGroupArn, nil, false)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, t := range in.Targets {
		ids = append(ids, text(t.Id))
	}
	if in.Targets == nil {
		for id := range g.targets {
			ids = append(ids, id)
		}
		sortedBy(ids, func(id string) string { return id })
	}
	out := &elb.DescribeTargetHealthOutput{}
	for _, id := range ids {
		state, reason := c.health(g, id)
		if in.Targets == nil && state == types.TargetHealthStateEnumUnused {
			continue
		}
		out.TargetHealthDescriptions = append(out.TargetHealthDescriptions, types.TargetHealthDescription{
			Target: &types.TargetDescription{Id: new(id)}, TargetHealth: &types.TargetHealth{State: state, Reason: reason},
		})
	}
	return out, nil
}
