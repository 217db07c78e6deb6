package canary_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/canary"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/targettest"
)

const group = "shop canary"

// rig is a cloud with the canary's group, whose instances boot as models.
type rig struct {
	*ec2test.Cloud
	pointer *boot.Pointer
	hosts   host.Config

	mu       sync.Mutex
	launched int
	most     int  // instances at once
	dead     bool // instances die before they are up
	deaf     bool // instances follow what is declared
	sick     bool
}

func newRig(t *testing.T, c ec2test.Config) *rig {
	t.Helper()
	r := &rig{Cloud: ec2test.New(c), hosts: host.Config{Root: "/srv/shop"}}
	var err error
	r.pointer, err = boot.New(boot.Config{Client: &s3test.Bucket{Name: "deploys"}, Bucket: "deploys", Prefix: "boot/shop/", Host: r.hosts})
	require.NoError(t, err)
	r.AddScalingGroup(ec2test.ScalingGroup{Name: group, Max: 1, Launch: r.instance})
	return r
}

func (r *rig) instance() ec2test.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.launched++
	m := &ec2test.Model{Fetch: 10 * time.Second, Restart: 5 * time.Second, Sick: func(string) bool { return r.sick }}
	return ec2test.Instance{Machine: m, Starts: 40 * time.Second, Tags: map[string]string{"muster-boot": "candidate"},
		Boot: func(ctx context.Context, id string) { r.boot(ctx, id, m) }}
}

// boot is the user data, in Go.
func (r *rig) boot(ctx context.Context, id string, m *ec2test.Model) {
	now := len(r.Instances()) // the cloud's lock is taken before ours
	r.mu.Lock()
	r.most = max(r.most, now)
	dead, read := r.dead, r.pointer.Proposed
	if r.deaf {
		read = r.pointer.Read
	}
	r.mu.Unlock()
	if dead {
		r.Terminate(id)
	}
	for ctx.Err() == nil {
		before, err := read(ctx)
		if err == nil && before.Digest != "" && m.Boot(ctx, before.Number, before.Digest) == nil {
			if now, err := read(ctx); err == nil && now == before {
				return
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
}

// open is a deployer that starts.
func (r *rig) open(t *testing.T, client canary.Client) *canary.Canary {
	t.Helper()
	sender, err := runcommand.New(runcommand.Config{Client: r.Cloud})
	require.NoError(t, err)
	c, err := canary.New(canary.Config{
		Client: client, Group: group, Pointer: r.pointer, Host: r.hosts,
		Reach: func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) },
	})
	require.NoError(t, err)
	return c
}

func release(n int) target.Release {
	return target.Release{ID: fmt.Sprint(n, "-abc"), Digest: targettest.Artifact(n).Digest}
}

// until looks as often as a stage does, until there is a verdict, or the deployer dies.
func until(ctx context.Context, c *canary.Canary, r target.Release, alive func() bool) (verdict canary.Verdict, said string) {
	for alive() && ctx.Err() == nil {
		if verdict, said = c.Look(ctx, r); verdict != canary.Unsure {
			return verdict, said
		}
		time.Sleep(10 * time.Second)
	}
	return canary.Unsure, said
}

func always() bool { return true }

// mortal is a deployer's way to Auto Scaling: it dies at a call, before it is made or
// after, and with it all that the deployer could still do.
type mortal struct {
	*ec2test.Cloud
	left int // calls until death
	made bool
	dead bool
}

var errDead = errors.New("this deployer is dead")

func (m *mortal) call(make func() error) error {
	if m.dead {
		return errDead
	}
	if m.left--; m.left > 0 {
		return make()
	}
	m.dead = true
	if m.made {
		_ = make()
	}
	return errDead
}

func (m *mortal) SetDesiredCapacity(ctx context.Context, in *autoscaling.SetDesiredCapacityInput, o ...func(*autoscaling.Options)) (out *autoscaling.SetDesiredCapacityOutput, err error) {
	return out, m.call(func() error { out, err = m.Cloud.SetDesiredCapacity(ctx, in, o...); return err })
}

func (m *mortal) PutScheduledUpdateGroupAction(ctx context.Context, in *autoscaling.PutScheduledUpdateGroupActionInput, o ...func(*autoscaling.Options)) (out *autoscaling.PutScheduledUpdateGroupActionOutput, err error) {
	return out, m.call(func() error { out, err = m.Cloud.PutScheduledUpdateGroupAction(ctx, in, o...); return err })
}

func (m *mortal) DescribeAutoScalingGroups(ctx context.Context, in *autoscaling.DescribeAutoScalingGroupsInput, o ...func(*autoscaling.Options)) (out *autoscaling.DescribeAutoScalingGroupsOutput, err error) {
	err = m.call(func() error { out, err = m.Cloud.DescribeAutoScalingGroups(ctx, in, o...); return err })
	return out, err
}
