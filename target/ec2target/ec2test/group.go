package ec2test

import (
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// ScalingGroup describes an Auto Scaling group.
type ScalingGroup struct {
	Name string

	// Min and Max are the bounds of what may be desired; a Max of zero is none.
	Min, Max int

	// Launch describes the instance that the group starts when one is missing; nil: it
	// starts none. It must not use the cloud.
	Launch func() Instance

	// Hook is the name of a lifecycle hook that holds a new instance in "Pending:Wait" until
	// it is completed; empty: there is none. What is not completed within HookLimit is
	// abandoned: the instance is ended, and another one started. Zero means an hour.
	Hook      string
	HookLimit time.Duration

	// TargetGroups are the ARNs of those into which an instance is put when it comes into
	// service. One that is to end is drained first.
	TargetGroups []string
}

// scalingGroup is an Auto Scaling group at work.
type scalingGroup struct {
	ScalingGroup
	desired   int
	scheduled map[string]*time.Timer
}

// AddScalingGroup makes an Auto Scaling group, and starts the instances that it has at
// least.
func (c *Cloud) AddScalingGroup(g ScalingGroup) {
	if g.HookLimit == 0 {
		g.HookLimit = time.Hour
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.scale(g.Name)
	at.ScalingGroup = g
	at.desired = max(at.desired, g.Min)
	c.balance(at)
}

// scale returns the group of that name. The lock is held.
func (c *Cloud) scale(name string) *scalingGroup {
	g := c.scaling[name]
	if g == nil {
		g = &scalingGroup{ScalingGroup: ScalingGroup{Name: name}, scheduled: map[string]*time.Timer{}}
		c.scaling[name] = g
	}
	return g
}

// of lists the instances of a group, the oldest first. The lock is held.
func (c *Cloud) of(name string) []*instance {
	var all []*instance
	for _, i := range c.instances {
		if i.Group == name {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b *instance) int { return a.sequence - b.sequence })
	return all
}

// balance starts what is missing, and ends the oldest of what is too much. The lock is
// held.
func (c *Cloud) balance(g *scalingGroup) {
	there := slices.DeleteFunc(c.of(g.Name), (*instance).ending)
	for n := len(there); n < g.desired && g.Launch != nil; n++ {
		i := g.Launch()
		i.Group = g.Name
		c.launch(i)
	}
	for n := 0; n < len(there)-g.desired; n++ {
		c.retire(g, there[n])
	}
}

// arrive takes an instance that was started into its group. The lock is held.
func (c *Cloud) arrive(g *scalingGroup, i *instance) {
	if g.Hook == "" {
		c.serve(g, i)
		return
	}
	i.life = types.LifecycleStatePendingWait
	time.AfterFunc(g.HookLimit, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if i.life == types.LifecycleStatePendingWait {
			c.end(i)
		}
	})
}

// serve has an instance come into service. The lock is held.
func (c *Cloud) serve(g *scalingGroup, i *instance) {
	i.life = types.LifecycleStateInService
	for _, arn := range g.TargetGroups {
		c.groups[arn].targets[i.ID] = &registered{since: time.Now()}
	}
}

// retire ends an instance when its requests have. The lock is held.
func (c *Cloud) retire(g *scalingGroup, i *instance) {
	drains := false
	for _, arn := range g.TargetGroups {
		if t := c.groups[arn].targets[i.ID]; t != nil {
			t.leave()
			drains = true
		}
	}
	i.life = types.LifecycleStateTerminating
	if !drains || c.c.Drain == 0 {
		c.end(i)
		return
	}
	time.AfterFunc(c.c.Drain, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.end(i)
	})
}

// resize is what a call that changes the desired capacity comes to. The lock is held.
func (c *Cloud) resize(g *scalingGroup, desired int) error {
	switch {
	case desired < g.Min:
		return failure("ValidationError", "New SetDesiredCapacity value is below min value for the AutoScalingGroup.")
	case g.Max > 0 && desired > g.Max:
		return failure("ValidationError", "New SetDesiredCapacity value is above max value for the AutoScalingGroup.")
	}
	g.desired = desired
	c.balance(g)
	return nil
}
