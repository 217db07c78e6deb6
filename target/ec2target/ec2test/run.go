package ec2test

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// run has one instance run a command.
func (c *Cloud) run(k *command, r *run) {
	i, ok := c.deliver(k, r)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(i.ctx, k.limit())
	defer cancel()
	defer context.AfterFunc(k.ctx, cancel)()
	c.set(func() { r.status, r.started = types.CommandInvocationStatusInProgress, time.Now() })
	var stdout, stderr string
	code := 0
	if i.Machine != nil {
		stdout, stderr, code = i.Machine.Run(ctx, k.script)
		if c.twice() && ctx.Err() == nil {
			stdout, stderr, code = i.Machine.Run(ctx, k.script)
		}
	}
	c.set(func() {
		r.stdout, r.stderr, r.code, r.ended = stdout, stderr, code, time.Now()
		switch {
		case i.ctx.Err() != nil:
			r.status, r.details = types.CommandInvocationStatusTimedOut, "Undeliverable"
		case k.ctx.Err() != nil:
			r.status, r.details = types.CommandInvocationStatusCancelled, "Cancelled"
		case ctx.Err() != nil:
			r.status, r.details = types.CommandInvocationStatusTimedOut, "ExecutionTimedOut"
		case code != 0:
			r.status = types.CommandInvocationStatusFailed
		default:
			r.status = types.CommandInvocationStatusSuccess
		}
	})
}

// limit is how long a script may run: an hour, unless it says otherwise.
func (k *command) limit() time.Duration {
	if s := k.in.Parameters["executionTimeout"]; len(s) == 1 {
		if n, err := strconv.Atoi(s[0]); err == nil {
			return time.Duration(n) * time.Second
		}
	}
	return time.Hour
}

func (c *Cloud) set(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
}

func (c *Cloud) twice() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.chance(c.c.Faults.Doubled)
}

// deliver waits until the agent of the instance takes the command, or its time is over.
func (c *Cloud) deliver(k *command, r *run) (*instance, bool) {
	c.mu.Lock()
	i := c.instances[r.id]
	delay := time.Duration(0)
	if c.chance(c.c.Faults.Late) {
		delay = time.Duration(c.random.Int64N(int64(c.c.Faults.Delay) + 1))
	}
	lost := i == nil || i.cut || c.chance(c.c.Faults.Lost)
	c.mu.Unlock()
	if !lost && sleep(k.ctx, delay) == nil {
		return i, true
	}
	patience := time.Hour
	if k.in.TimeoutSeconds != nil {
		patience = time.Duration(*k.in.TimeoutSeconds) * time.Second
	}
	cancelled := sleep(k.ctx, patience) != nil
	c.set(func() {
		r.status, r.details = types.CommandInvocationStatusTimedOut, "DeliveryTimedOut"
		if cancelled {
			r.status, r.details = types.CommandInvocationStatusCancelled, "Cancelled"
		}
	})
	return nil, false
}
