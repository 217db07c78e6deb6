package ec2target_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	elasticloadbalancing "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/elb"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
)

// branch is changes that have all passed, oldest first.
type branch struct {
	revisions []string
	buildtest.Builds
}

func (b *branch) commit(n int) {
	b.revisions = append(b.revisions, fmt.Sprintf("%07x%033x", n, n))
	b.Set(b.revisions[n-1], buildtest.Script{Files: map[string]string{"app*": fmt.Sprint("#!/bin/sh\necho ", n)}})
}

func (b *branch) Changes(_ context.Context, to string) (changes []pipeline.Change, err error) {
	for _, r := range slices.Backward(b.revisions) {
		if changes = append(changes, pipeline.Change{Revision: r}); r == to {
			break
		}
	}
	return changes, nil
}

func (b *branch) IsAncestor(_ context.Context, old, fresh string) (bool, error) {
	return slices.Index(b.revisions, old) <= slices.Index(b.revisions, fresh), nil
}

func (b *branch) Verdicts(_ context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	all := map[string]pipeline.Verdict{}
	for _, r := range revisions {
		all[r] = pipeline.Passed
	}
	return all, nil
}

const least = 3 // hosts that have to stay in service

// breathing is a fleet whose Auto Scaling group does what it wants: instances boot by the
// pointer, die in boot, and are terminated while they drain.
type breathing struct {
	*ec2test.Cloud
	branch
	arn     string
	pointer *boot.Pointer
	web     *ec2target.Target
	store   lock.Memory
	logs    build.MemoryStore

	mu        sync.Mutex
	random    *rand.Rand
	models    map[string]*ec2test.Model
	restless  bool   // the group changes, and instances die in boot
	strike    bool   // one that drains is to be terminated
	calm      bool   // no host need be in service yet
	withdrawn string // no requests may reach this release
	joined    int    // instances that came into service by themselves
	wrong     []string
}

func newBreathing(t *testing.T, seed uint64) *breathing {
	t.Helper()
	b := &breathing{models: map[string]*ec2test.Model{}, random: rand.New(rand.NewPCG(seed, 0)), calm: true}
	b.Cloud = ec2test.New(ec2test.Config{
		Latency: 50 * time.Millisecond, Visible: time.Second, Drain: 5 * time.Second, Settle: 3 * time.Second,
		Faults: ec2test.Faults{Seed: seed, Throttled: 0.02, Doubled: 0.05},
	})
	b.arn = b.AddTargetGroup("shop")
	hosts := host.Config{Root: "/srv/shop", Packs: &host.Packs{Depot: &memory{}}}
	var err error
	b.pointer, err = boot.New(boot.Config{Client: &s3test.Bucket{Name: "deploys"}, Bucket: "deploys", Prefix: "boot/shop/", Host: hosts})
	require.NoError(t, err)
	before, err := elb.New(elb.Config{Client: b.Cloud, Groups: []string{b.arn}})
	require.NoError(t, err)
	sender, err := runcommand.New(runcommand.Config{Client: b.Cloud})
	require.NoError(t, err)
	b.web, err = ec2target.New(ec2target.Config{
		Name: "web", Members: &scaling.Groups{Client: b.Cloud, Names: []string{"shop"}}, Balancer: before, Boot: b.pointer, Host: hosts,
		Reach: func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) },
		Fleet: fleet.Config{MinInService: fleet.Number(least), ObserveLimit: 30 * time.Second},
	})
	require.NoError(t, err)
	b.AddScalingGroup(ec2test.ScalingGroup{
		Name: "shop", Min: 5, Max: 12, Launch: b.instance, Hook: "up", HookLimit: 5 * time.Minute, TargetGroups: []string{b.arn},
	})
	return b
}

func (b *breathing) draw(n int) int { b.mu.Lock(); defer b.mu.Unlock(); return b.random.IntN(n) }

func (b *breathing) instance() ec2test.Instance {
	id := fmt.Sprintf("i-%08x", len(b.models)+1)
	starts := time.Duration(b.draw(30)) * time.Second
	m := &ec2test.Model{Fetch: 4 * time.Second, Restart: 3 * time.Second}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.models[id] = m
	return ec2test.Instance{ID: id, Machine: m, Starts: starts, Boot: func(ctx context.Context, id string) { b.boot(ctx, id, m) }}
}

// boot is the user data, in Go.
func (b *breathing) boot(ctx context.Context, id string, m *ec2test.Model) {
	if lot := b.draw(5); b.unrest() && lot == 0 {
		time.Sleep(time.Duration(b.draw(8)) * time.Second)
		b.Terminate(id) // it dies in boot
	}
	for ctx.Err() == nil {
		first, err := b.pointer.Read(ctx)
		if err == nil && first.Digest != "" && m.Boot(ctx, first.Number, first.Digest) == nil {
			time.Sleep(time.Duration(b.draw(500)) * time.Millisecond)
			if second, err := b.pointer.Read(ctx); err != nil || second != first {
				continue
			}
			time.Sleep(time.Duration(b.draw(2000)) * time.Millisecond) // the pointer may move right here
			_, err = b.CompleteLifecycleAction(ctx, &autoscaling.CompleteLifecycleActionInput{
				AutoScalingGroupName: new("shop"), LifecycleHookName: new("up"), InstanceId: &id, LifecycleActionResult: new("CONTINUE"),
			})
			if err == nil {
				b.mu.Lock()
				b.joined++
				b.mu.Unlock()
				return
			}
		}
		time.Sleep(time.Second)
	}
}

func (b *breathing) unrest() bool { b.mu.Lock(); defer b.mu.Unlock(); return b.restless }

// breathe has the group grow, and terminates one that drains when it is to.
func (b *breathing) breathe(ctx context.Context) {
	for size := 5; ctx.Err() == nil; time.Sleep(time.Duration(1+b.draw(4)) * time.Second) {
		if b.unrest() && size < 9 && b.draw(4) == 0 {
			size++
			_, _ = b.SetDesiredCapacity(ctx, &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: new("shop"), DesiredCapacity: new(int32(size))})
		}
		out, err := b.DescribeTargetHealth(ctx, &elasticloadbalancing.DescribeTargetHealthInput{TargetGroupArn: &b.arn})
		if err != nil {
			continue
		}
		for _, d := range out.TargetHealthDescriptions {
			b.mu.Lock()
			now := b.strike && d.TargetHealth.State == "draining"
			b.strike = b.strike && !now
			b.mu.Unlock()
			if now {
				b.Terminate(*d.Target.Id)
			}
		}
	}
}

// watch looks at what the balancer sends requests to, ten times a second.
func (b *breathing) watch(ctx context.Context) {
	for ; ctx.Err() == nil; time.Sleep(100 * time.Millisecond) {
		in := b.Healthy(b.arn)
		b.mu.Lock()
		if !b.calm && len(in) < least {
			b.wrong = append(b.wrong, fmt.Sprintf("%v: only %v serve", time.Now(), in))
		}
		for _, id := range in {
			if b.withdrawn != "" && b.models[id].Live() == b.withdrawn {
				b.wrong = append(b.wrong, fmt.Sprintf("%v: %s serves what was withdrawn", time.Now(), id))
			}
		}
		b.mu.Unlock()
	}
}

func (b *breathing) set(f func()) { b.mu.Lock(); defer b.mu.Unlock(); f() }

// settle has a deployer do what there is to do, and returns what is so then.
func (b *breathing) settle(t *testing.T) pipeline.Status {
	t.Helper()
	e, err := pipeline.New(pipeline.Config{
		Name: "shop", Source: &b.branch, CI: &b.branch, Builds: &b.branch, Store: &b.store, Logs: &b.logs,
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{b.web}}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	require.NoError(t, e.Settle(ctx))
	s, err := pipeline.Open(&b.store, &b.logs, "shop").Status(t.Context())
	require.NoError(t, err)
	return s
}

// serving counts the instances of the group that get requests, by release.
func (b *breathing) serving() map[string]int {
	n := map[string]int{}
	for _, id := range b.Healthy(b.arn) {
		n[b.models[id].Live()]++
	}
	return n
}

func TestInstancesThatBootDuringARolloutAndItsRollbackEndOnWhatIsDeclared(t *testing.T) {
	for seed := range uint64(6) {
		synctest.Test(t, func(t *testing.T) { breathes(t, seed) })
	}
}

func breathes(t *testing.T, seed uint64) {
	b := newBreathing(t, seed)
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() { b.breathe(ctx) })
	all.Go(func() { b.watch(ctx) })
	defer func() {
		cancel()
		all.Wait()
		b.AddScalingGroup(ec2test.ScalingGroup{Name: "shop"}) // which starts none
		for _, i := range b.Instances() {
			b.Terminate(i.ID)
		}
	}()

	time.Sleep(time.Minute) // their agents are there, and nothing is declared
	b.commit(1)
	first := b.settle(t).Live
	require.NotNil(t, first)
	time.Sleep(5 * time.Minute)
	require.Equal(t, map[string]int{first.Digest: 5}, b.serving(), "seed %d: the first release", seed)

	b.set(func() { b.calm, b.restless, b.strike, b.joined = false, true, true, 0 })
	b.commit(2)
	s := b.settle(t)
	require.Nil(t, s.Stop, "seed %d: a host that boots, or does not, is no failure: %+v", seed, s.Stop)
	require.NotEqual(t, first.Digest, s.Live.Digest, "seed %d", seed)
	second, grown := s.Live, b.joined
	time.Sleep(time.Duration(b.draw(20)) * time.Second)

	b.set(func() { b.strike = true })
	_, err := pipeline.Open(&b.store, &b.logs, "shop").Do(t.Context(), pipeline.Rollback{
		Asked: pipeline.Asked{By: "ann", Reason: "errors"}, From: second.ID})
	require.NoError(t, err)
	s = b.settle(t)
	require.Equal(t, first.Digest, s.Live.Digest, "seed %d", seed)
	b.set(func() { b.withdrawn, b.restless = second.Digest, false })
	time.Sleep(10 * time.Minute)
	b.settle(t)
	t.Logf("seed %d: %d came into service during the rollout and %d after it; at the end %v", seed, grown, b.joined-grown, b.serving())
	assert.Len(t, b.serving(), 1, "seed %d", seed)
	assert.Len(t, b.Instances(), b.serving()[first.Digest], "seed %d: all serve what is declared", seed)
	assert.Empty(t, b.wrong, "seed %d", seed)
	assert.Positive(t, b.joined, "seed %d: nothing was tried", seed)
}

// Who has booted by the pointer of before is brought along right after the declaration: no
// round of convergence has to come by for it.
func TestWhoBootsInTheMidstIsBroughtAlongByTheDeclaration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBreathing(t, 1)
		defer func() {
			b.AddScalingGroup(ec2test.ScalingGroup{Name: "shop"})
			for _, i := range b.Instances() {
				b.Terminate(i.ID)
			}
		}()
		time.Sleep(time.Minute)
		b.commit(1)
		first := b.settle(t).Live
		time.Sleep(5 * time.Minute)
		require.Equal(t, map[string]int{first.Digest: 5}, b.serving())

		var once sync.Once
		b.Break(func(call string) error {
			if call == "DeregisterTargets" {
				once.Do(func() {
					_, err := b.SetDesiredCapacity(t.Context(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: new("shop"), DesiredCapacity: new(int32(6))})
					assert.NoError(t, err)
					time.Sleep(time.Minute)
					assert.Len(t, b.Healthy(b.arn), 6, "it has booted, by the pointer of before")
				})
			}
			return nil
		})
		b.commit(2)
		second := b.settle(t).Live
		require.NotEqual(t, first.Digest, second.Digest)
		assert.Equal(t, map[string]int{second.Digest: 6}, b.serving())
	})
}
