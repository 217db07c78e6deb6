package elb_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/elb"
	"github.com/muster-deploy/muster/target/fleet"
)

// open returns a balancer before so many instances, all registered.
func open(t *testing.T, c ec2test.Config, n int) (*elb.Balancer, *ec2test.Cloud, string) {
	t.Helper()
	cloud := ec2test.New(c)
	arn := cloud.AddTargetGroup("shop")
	b, err := elb.New(elb.Config{Client: cloud, Groups: []string{arn}})
	require.NoError(t, err)
	var all sync.WaitGroup
	for i := range n {
		id := cloud.Launch(ec2test.Instance{ID: name(i)})
		all.Go(func() { assert.NoError(t, b.Register(t.Context(), fleet.Host{Name: id})) })
	}
	all.Wait()
	return b, cloud, arn
}

func name(i int) string { return fmt.Sprintf("i-%08x", i+1) }

func TestAHostIsDrainedWhenItsRequestsHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, arn := open(t, ec2test.Config{Drain: 7 * time.Second, Settle: 12 * time.Second}, 3)
		assert.Len(t, cloud.Healthy(arn), 3)
		start := time.Now()
		require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(0)}))
		assert.InDelta(t, 7, time.Since(start).Seconds(), 1.2)
		assert.Equal(t, []string{name(1), name(2)}, cloud.Healthy(arn))
		require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(0)}), "what is so already is no error")

		start = time.Now()
		require.NoError(t, b.Register(t.Context(), fleet.Host{Name: name(0)}))
		assert.InDelta(t, 12, time.Since(start).Seconds(), 1.2)
		assert.Len(t, cloud.Healthy(arn), 3)
	})
}

func TestManyHostsAtOnceAreFewCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, arn := open(t, ec2test.Config{Drain: 5 * time.Second}, 500)
		var all sync.WaitGroup
		for i := range 500 {
			all.Go(func() { assert.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(i)})) })
		}
		all.Wait()
		assert.Empty(t, cloud.Healthy(arn))
		calls := cloud.Calls()
		assert.Equal(t, 5, calls["DeregisterTargets"])
		assert.LessOrEqual(t, calls["DescribeTargetHealth"], 8)
	})
}

func TestAnInstanceThatIsTerminatedWhileItDrainsIsDrained(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, _ := open(t, ec2test.Config{Drain: time.Hour}, 2)
		go func() { time.Sleep(3 * time.Second); cloud.Terminate(name(0)) }()
		start := time.Now()
		require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(0)}))
		assert.Less(t, time.Since(start), 5*time.Second)
	})
}

func TestAnInstanceThatIsGoneSpoilsTheCallOfNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, arn := open(t, ec2test.Config{}, 9)
		for i := range 9 {
			require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(i)}))
		}
		cloud.Terminate(name(4))
		var all sync.WaitGroup
		for i := range 9 {
			all.Go(func() {
				err := b.Register(t.Context(), fleet.Host{Name: name(i)})
				if i == 4 {
					assert.ErrorContains(t, err, "not in a running state")
				} else {
					assert.NoError(t, err)
				}
			})
		}
		all.Wait()
		assert.Len(t, cloud.Healthy(arn), 8)
	})
}

func TestWhatIsDeniedIsNotAskedForEachHost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, _ := open(t, ec2test.Config{}, 50)
		denied := errors.New("AccessDenied: not authorized to perform elasticloadbalancing:DeregisterTargets")
		asked := 0 // by one goroutine
		cloud.Break(func(string) error { asked++; return denied })
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() { assert.ErrorIs(t, b.Deregister(t.Context(), fleet.Host{Name: name(i)}), denied) })
		}
		all.Wait()
		assert.Equal(t, 1, asked)
	})
}

func TestAHostThatDoesNotBecomeHealthySaysWhy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, cloud, arn := open(t, ec2test.Config{}, 1)
		cloud.SickenTarget(arn, name(0), true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := b.Register(ctx, fleet.Host{Name: name(0)})
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, err, "unhealthy (Target.FailedHealthChecks)")
		require.ErrorContains(t, err, name(0))
		time.Sleep(time.Minute) // the look that nobody waits for ends, too
	})
}

func TestThrottlingIsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _, _ := open(t, ec2test.Config{Faults: ec2test.Faults{Seed: 3, Throttled: 0.2}}, 20)
		for i := range 20 {
			require.NoError(t, b.Deregister(t.Context(), fleet.Host{Name: name(i)}))
		}
	})
}

func TestInServiceIsHealthyInEveryGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cloud := ec2test.New(ec2test.Config{})
		groups := []string{cloud.AddTargetGroup("http"), cloud.AddTargetGroup("admin")}
		b, err := elb.New(elb.Config{Client: cloud, Groups: groups})
		require.NoError(t, err)
		for i := range 3 {
			cloud.Launch(ec2test.Instance{ID: name(i)})
			require.NoError(t, b.Register(t.Context(), fleet.Host{Name: name(i)}))
		}
		cloud.SickenTarget(groups[1], name(1), true)
		in, err := b.InService(t.Context())
		require.NoError(t, err)
		assert.Equal(t, map[string]bool{name(0): true, name(1): false, name(2): true}, in)
		down := errors.New("api is down")
		cloud.Break(func(string) error { return down })
		_, err = b.InService(t.Context())
		require.ErrorIs(t, err, down)
	})
}

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := elb.New(elb.Config{Groups: []string{"a", "a", ""}, Interval: -1, Gather: -1})
	for _, field := range []string{"Client", "a twice", "empty ARN", "Interval", "Gather"} {
		assert.ErrorContains(t, err, field)
	}
}
