package elb

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// group is one target group.
type group struct {
	c            *Config
	arn          string
	enter, leave *gatherer

	mu   sync.Mutex
	next *view // the look that all who wait take part in
}

// view is one look at the health of all targets.
type view struct {
	done   chan struct{} // closed when the rest is set
	states map[string]state
	err    error
}

func newGroup(c *Config, arn string) *group {
	g := &group{c: c, arn: arn}
	g.enter = &gatherer{c: c, send: func(ctx context.Context, targets []types.TargetDescription) error {
		_, err := c.Client.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &arn, Targets: targets}, once)
		return err
	}}
	g.leave = &gatherer{c: c, send: func(ctx context.Context, targets []types.TargetDescription) error {
		_, err := c.Client.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: &arn, Targets: targets}, once)
		return err
	}}
	return g
}

// once has the budget alone retry.
func once(o *elb.Options) { o.Retryer = aws.NopRetryer{} }

// wait returns when a target is as it should be. What it was last is in the error.
func (g *group) wait(ctx context.Context, id, purpose string, done func(state) bool) error {
	var last state
	for {
		states, err := g.glance(ctx)
		if err != nil {
			return fmt.Errorf("wait for %s to %s in %s (it was last seen %s): %w", id, purpose, g.arn, last, err)
		}
		if last = states[id]; done(last) {
			return nil
		}
	}
}

// glance is the next look at the group, which all who ask in the meantime share.
func (g *group) glance(ctx context.Context) (map[string]state, error) {
	g.mu.Lock()
	v := g.next
	if v == nil {
		v = &view{done: make(chan struct{})}
		g.next = v
		go g.take(v)
	}
	g.mu.Unlock()
	select {
	case <-v.done:
		return v.states, v.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// lookLimit ends a look: it is nobody's in particular, so no caller's context does.
const lookLimit = time.Minute

// take looks when the time has come. Who asks once the look has begun gets the next one:
// he wants to know what is so after what he has done.
func (g *group) take(v *view) {
	time.Sleep(g.c.Interval)
	g.mu.Lock()
	g.next = nil
	g.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), lookLimit)
	defer cancel()
	v.states, v.err = g.look(ctx)
	close(v.done)
}

// look reads the health of all targets of the group: one call, however many there are.
func (g *group) look(ctx context.Context) (map[string]state, error) {
	var out *elb.DescribeTargetHealthOutput
	err := g.c.Calls.Do(ctx, func(ctx context.Context) (err error) {
		out, err = g.c.Client.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &g.arn}, once)
		return err
	})
	if err != nil {
		return nil, err
	}
	states := make(map[string]state, len(out.TargetHealthDescriptions))
	for _, d := range out.TargetHealthDescriptions {
		if d.Target == nil || d.Target.Id == nil || d.TargetHealth == nil {
			continue
		}
		s := state{is: d.TargetHealth.State, reason: string(d.TargetHealth.Reason)}
		if d.TargetHealth.Description != nil {
			s.reason = strings.TrimPrefix(s.reason+": "+*d.TargetHealth.Description, ": ")
		}
		states[*d.Target.Id] = s
	}
	return states, nil
}
