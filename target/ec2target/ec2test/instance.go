package ec2test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling/types"
)

// Instance is what a cloud runs.
type Instance struct {
	// ID is made up if it is empty.
	ID string
	// Zone is the availability zone.
	Zone string
	Tags map[string]string
	// Group is the Auto Scaling group that it belongs to; empty for none.
	Group string
	// Machine runs what commands bring; nil: its agent runs and nothing else does. One
	// that has a method Healthy() bool is asked by the balancers' health checks.
	Machine Machine

	// Starts is how long it takes from its launch until its agent is there, and Boot begins.
	Starts time.Duration
	// Boot is what it runs when it has started, as user data is run; nil: nothing. Its
	// context ends with the instance.
	Boot func(ctx context.Context, id string)
	// ReadableTags says that the instance can read its own tags: the launch template has
	// turned that on.
	ReadableTags bool
}

// instance is an Instance at work.
type instance struct {
	Instance
	ctx      context.Context // ends with the instance
	finish   context.CancelFunc
	sequence int
	managed  bool // its agent has ever been there
	cut      bool
	life     types.LifecycleState // of the Auto Scaling group
}

// ending says whether an instance counts no more among those of its group.
func (i *instance) ending() bool { return strings.HasPrefix(string(i.life), "Terminating") }

// Launch starts an instance and returns its id. Its group desires one more.
func (c *Cloud) Launch(i Instance) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i.Group != "" {
		c.scale(i.Group).desired++
	}
	return c.launch(i)
}

// launch starts an instance. The lock is held.
func (c *Cloud) launch(spec Instance) string {
	n := c.next()
	if spec.ID == "" {
		spec.ID = fmt.Sprintf("i-%017x", n)
	}
	spec.Tags = maps.Clone(spec.Tags)
	ctx, finish := context.WithCancel(context.Background()) // its own life, nobody's call
	i := &instance{Instance: spec, ctx: ctx, finish: finish, sequence: n, life: types.LifecycleStatePending}
	if old := c.instances[i.ID]; old != nil {
		old.finish() // the same machine, started anew
	}
	c.instances[i.ID] = i
	if i.Group != "" {
		c.arrive(c.scale(i.Group), i)
	}
	if i.Starts <= 0 {
		i.managed = true
	}
	if i.Starts > 0 || i.Boot != nil {
		c.running.Go(func() { c.boot(i) })
	}
	return i.ID
}

// boot has the agent come up, and runs the user data.
func (c *Cloud) boot(i *instance) {
	if sleep(i.ctx, i.Starts) != nil {
		return
	}
	c.set(func() { i.managed = true })
	if i.Boot != nil {
		i.Boot(i.ctx, i.ID)
	}
}

// Terminate ends an instance at once, and with it what runs on it, as a failure of its
// host does. It is a target no longer, and its group starts another one.
func (c *Cloud) Terminate(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.instances[id]; i != nil {
		c.end(i)
	}
}

// end is Terminate. The lock is held.
func (c *Cloud) end(i *instance) {
	if c.instances[i.ID] != i {
		return
	}
	i.finish()
	i.life = types.LifecycleStateTerminated
	delete(c.instances, i.ID)
	for _, g := range c.groups {
		delete(g.targets, i.ID)
	}
	if i.Group != "" {
		c.balance(c.scale(i.Group))
	}
}

// Cut stops the agent of an instance, or starts it again. What runs on it goes on.
func (c *Cloud) Cut(id string, off bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.instances[id]; i != nil {
		i.cut = off
	}
}

// SetLife sets the lifecycle state of an instance in its Auto Scaling group: "Pending",
// "InService", "Standby", "Terminating:Wait".
func (c *Cloud) SetLife(id, state string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.instances[id]; i != nil {
		i.life = types.LifecycleState(state)
	}
}

// Instances lists what runs, sorted by id.
func (c *Cloud) Instances() []Instance {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Instance
	for _, i := range c.instances {
		all = append(all, i.Instance)
	}
	return sortedBy(all, func(i Instance) string { return i.ID })
}
