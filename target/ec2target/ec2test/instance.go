package ec2test

import (
	"context"
	"fmt"
	"maps"
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
	// Machine runs what commands bring; nil: its agent runs and nothing else does.
	Machine Machine
}

// instance is an Instance at work.
type instance struct {
	Instance
	ctx  context.Context // ends with the instance
	end  context.CancelFunc
	cut  bool
	life string // of the Auto Scaling group: "InService", ...
}

// Launch starts an instance and returns its id. Its agent is there at once.
func (c *Cloud) Launch(i Instance) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i.ID == "" {
		i.ID = fmt.Sprintf("i-%017x", c.next())
	}
	i.Tags = maps.Clone(i.Tags)
	ctx, end := context.WithCancel(context.Background()) // its own life, nobody's call
	c.instances[i.ID] = &instance{Instance: i, ctx: ctx, end: end, life: "InService"}
	if i.Group != "" {
		c.scale(i.Group)
	}
	return i.ID
}

// Terminate ends an instance, and with it what runs on it. It is a target no longer.
func (c *Cloud) Terminate(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := c.instances[id]
	if i == nil {
		return
	}
	i.end()
	delete(c.instances, id)
	for _, g := range c.groups {
		delete(g.targets, id)
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
		i.life = state
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
