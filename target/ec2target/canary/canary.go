package canary

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/host"
)

// Verdict is what a look says, in the words of pipeline.Outcome.
type Verdict string

const (
	// Unsure is the zero Verdict: look again.
	Unsure Verdict = ""
	// Good says that a fresh instance came up on the release, and was ended.
	Good Verdict = "good"
	// Bad says that none did in time.
	Bad Verdict = "bad"
)

// Canary boots fresh instances, one at a time. It may be used by many goroutines at once.
type Canary struct {
	c Config

	mu      sync.Mutex // one look at a time
	digest  string     // of the release that was asked about last
	since   time.Time  // when it was first asked about
	guarded bool       // the end of its instance was scheduled by this process
	proven  bool
}

// New checks the config, all of it, and asks nothing.
func New(c Config) (*Canary, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.fill()
	return &Canary{c: c}, nil
}

// Look takes the proof that instances boot into r one step further, and says how far it
// is, with a sentence for people. It is to be called again until it is sure; from then on
// it says so without a call. What is wrong with Auto Scaling or the pointer is no
// verdict, before Patience has ended.
func (c *Canary) Look(ctx context.Context, r target.Release) (Verdict, string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.digest != r.Digest {
		c.digest, c.since, c.guarded, c.proven = r.Digest, time.Now(), false, false
	}
	if c.proven {
		return Good, "a fresh instance came up on " + r.ID
	}
	said, err := c.step(ctx, r)
	switch {
	case c.proven:
		return Good, said
	case err != nil:
		said = err.Error()
	}
	if waited := time.Since(c.since); waited > c.c.Patience {
		c.digest = "" // who asks again has a reason
		if err := c.desire(ctx, 0); err != nil {
			said += "; it is left to Auto Scaling to end it: " + err.Error()
		}
		return Bad, fmt.Sprintf("no fresh instance has come up on %s within %v: %s", r.ID, c.c.Patience, said)
	}
	return Unsure, said
}

// step does what is next, by what the group and the pointer say.
func (c *Canary) step(ctx context.Context, r target.Release) (said string, err error) {
	g, err := c.read(ctx)
	if err != nil {
		return "", err
	}
	now, err := c.c.Pointer.Proposed(ctx)
	switch {
	case err != nil:
		return "", err
	case now.Digest != r.Digest && g.desired > 0:
		return "the instance that was started for " + now.ID + " is ended first", c.desire(ctx, 0)
	case g.desired == 0 && len(g.instances) > 0:
		return g.instances[0].ID + " of another try is ending still", nil
	case g.desired == 0:
		return "a fresh instance was asked for", c.start(ctx, r)
	}
	return c.watch(ctx, g, r)
}

// start names the release, and then starts an instance, whose end is certain before it
// begins. Nobody boots by the pointer meanwhile: the group is empty.
func (c *Canary) start(ctx context.Context, r target.Release) error {
	if err := c.c.Pointer.Propose(ctx, r); err != nil {
		return err
	}
	if err := c.guard(ctx); err != nil {
		return err
	}
	return c.desire(ctx, 1)
}

// guard schedules the end, once, also for an instance that another deployer has started.
func (c *Canary) guard(ctx context.Context) error {
	if c.guarded {
		return nil
	}
	err := c.schedule(ctx)
	c.guarded = err == nil
	return err
}

// watch looks whether the instance has come up, and ends it if it has.
func (c *Canary) watch(ctx context.Context, g group, r target.Release) (said string, err error) {
	if err := c.guard(ctx); err != nil {
		return "", err
	}
	if len(g.instances) == 0 {
		return "Auto Scaling has started no instance yet", nil
	}
	if len(g.instances) > 1 {
		return fmt.Sprintf("one of %s and %s is ending still", g.instances[0].ID, g.instances[1].ID), nil
	}
	i := g.instances[0]
	u, err := c.observe(ctx, i)
	switch {
	case err != nil:
		return "", err
	case u.Condition == target.Serving && u.Digest == r.Digest:
		if err := c.desire(ctx, 0); err != nil {
			return "", err
		}
		c.proven = true
		return i.ID + " came up on " + r.ID, nil
	case u.Condition == target.Serving:
		return fmt.Sprintf("%s came up on %s, not on %s: has it the tag muster-boot, and may it read its tags?", i.ID, u.Digest, r.Digest), nil
	case u.Problem != "":
		return fmt.Sprintf("%s is not up: %s", i.ID, u.Problem), nil
	}
	return fmt.Sprintf("%s is %s", i.ID, u.Condition), nil
}

// observe reads the instance, without a fence: the order is its own.
func (c *Canary) observe(ctx context.Context, i ec2target.Instance) (target.Unit, error) {
	ctx, cancel := context.WithTimeout(ctx, c.c.ObserveLimit)
	defer cancel()
	h, err := host.New(c.c.host(i, c.c.Reach(i)))
	if err != nil {
		return target.Unit{}, err
	}
	s, err := h.Observe(ctx, target.Order{})
	if err != nil {
		return target.Unit{}, fmt.Errorf("read %s: %w", i.ID, err)
	}
	return s.Units[0], nil
}
