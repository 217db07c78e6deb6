package ec2target_test

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/targettest"
)

// realLimits are the limits of the real SSM: it does not know its own commands for a second,
// and grants so many calls.
func realLimits() ec2test.Config {
	return ec2test.Config{
		Latency: 50 * time.Millisecond, Visible: time.Second,
		Limits: map[string]ec2test.Limit{
			"SendCommand":            {PerSecond: 10, Burst: 40},
			"ListCommandInvocations": {PerSecond: 16, Burst: 40},
		},
	}
}

// rig is a modelled fleet in a cloud with real limits.
type rig struct {
	*ec2test.Cloud
	web    *ec2target.Target
	lb     *slowBalancer
	tally  *tally
	models map[string]*ec2test.Model
}

func newRig(t *testing.T, m *model, change func(*ec2target.Config, *runcommand.Config)) *rig {
	t.Helper()
	r := &rig{Cloud: ec2test.New(realLimits()), models: map[string]*ec2test.Model{}}
	index := map[string]int{}
	r.lb = &slowBalancer{in: map[string]bool{}, drain: func(h fleet.Host) { time.Sleep(m.drain[index[h.Name]]) }}
	for i, id := range m.hosts {
		index[id], r.lb.in[id] = i, true
		r.models[id] = &ec2test.Model{Fetch: m.fetch[i], Restart: m.restart[i], Probe: m.probes}
		r.Launch(ec2test.Instance{ID: id, Machine: r.models[id]})
	}
	r.tally = &tally{Client: r.Cloud, steps: map[string]string{}, calls: map[string]int{}}
	s := runcommand.Config{
		Client: r.tally, Fetches: m.prepareSlots,
		Calls: &budget.Calls{PerSecond: 16, Burst: 40}, Sends: &budget.Calls{PerSecond: 10, Burst: 40},
	}
	c := ec2target.Config{
		Name: "web", Members: ec2target.IDs(m.hosts), Balancer: r.lb,
		Host:  host.Config{Root: "/srv/shop", Packs: &host.Packs{Depot: &memory{}}},
		Fleet: fleet.Config{Batch: fleet.Percent(2), MinInService: fleet.Percent(90)},
	}
	if change != nil {
		change(&c, &s)
	}
	sender, err := runcommand.New(s)
	require.NoError(t, err)
	c.Reach = func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) }
	r.web, err = ec2target.New(c)
	require.NoError(t, err)
	return r
}

func (r *rig) order(number uint64, n int, why target.Intent) target.Order {
	return target.Order{Number: number, Intent: why, Release: target.Release{ID: "r", Digest: targettest.Artifact(n).Digest}}
}

// live counts the hosts on a release.
func (r *rig) live(n int) int {
	return len(slices.DeleteFunc(slices.Collect(maps.Keys(r.models)), func(id string) bool {
		return r.models[id].Live() != targettest.Artifact(n).Digest
	}))
}

func (r *rig) calls() (n int) {
	for _, k := range r.Calls() {
		n += k
	}
	return n
}

func TestAThousandInstancesAreBroughtToTheRelease(t *testing.T) {
	t.Parallel()
	m := newModel(1)
	m.hosts = m.hosts[:1000]
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, m, nil)
		require.NoError(t, r.web.Prepare(t.Context(), r.order(1, 1, target.Forward), targettest.Artifact(1)))
		require.NoError(t, r.web.Activate(t.Context(), r.order(2, 1, target.Forward)))
		assert.Equal(t, len(m.hosts), r.live(1))
		time.Sleep(time.Minute)
	})
}

// watch notes when hosts have switched, and when they have confirmed it.
type watch struct {
	*ec2test.Model
	switched, confirmed *atomic.Int64 // the first one, in nanoseconds since 1970
}

// Run implements ec2test.Machine.
func (w watch) Run(ctx context.Context, s *ec2test.Script) (stdout, stderr string, status int) {
	words, _ := s.Settings()
	if slices.Contains(words, "step=activate") {
		w.switched.CompareAndSwap(0, time.Now().UnixNano()) // a model switches at once, and restarts then
		defer func() { w.confirmed.CompareAndSwap(0, time.Now().UnixNano()) }()
	}
	return w.Model.Run(ctx, s)
}

// TestRollbackOfAPreparedReleaseIsQuick goes back on 200 hosts in batches of a quarter.
// Whatever is drained takes as long as the model says, five seconds more or less; a host
// that serves nobody is not drained.
func TestRollbackOfAPreparedReleaseIsQuick(t *testing.T) {
	cases := map[string]struct{ out, first int }{
		"all serve":         {0, 10},
		"some serve nobody": {5, 6},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { rollBack(t, c.out, time.Duration(c.first)*time.Second) })
		})
	}
}

// rollBack goes back while so many hosts are out of the balancer.
func rollBack(t *testing.T, out int, first time.Duration) {
	m := newModel(1)
	m.hosts = m.hosts[:200]
	depot := &memory{}
	r := newRig(t, m, func(c *ec2target.Config, _ *runcommand.Config) {
		c.Fleet.Wide, c.Fleet.MinInService = fleet.Percent(25), fleet.Percent(50)
		c.Host.Packs = &host.Packs{Depot: depot}
	})
	var switched, confirmed atomic.Int64
	for id, model := range r.models {
		r.Launch(ec2test.Instance{ID: id, Machine: watch{model, &switched, &confirmed}})
	}
	require.NoError(t, r.web.Prepare(t.Context(), r.order(1, 1, target.Forward), targettest.Artifact(1)))
	require.NoError(t, r.web.Prepare(t.Context(), r.order(2, 2, target.Forward), targettest.Artifact(2)))
	require.NoError(t, r.web.Activate(t.Context(), r.order(3, 1, target.Forward)))
	require.NoError(t, r.web.Activate(t.Context(), r.order(4, 2, target.Forward)))
	require.Equal(t, 200, r.live(2))
	for _, id := range m.hosts[200-out:] {
		delete(r.lb.in, id)
	}
	fetched, asked := r.fetched(), depot.asked
	start := time.Now()
	var begun time.Duration
	o := r.order(5, 1, target.Backward)
	o.Begin = func(context.Context, target.Step) error {
		begun = cmp.Or(begun, time.Since(start))
		return nil
	}
	since := func(at *atomic.Int64) time.Duration { return time.Unix(0, at.Load()).Sub(start) }
	for _, at := range []*atomic.Int64{&switched, &confirmed, &r.lb.first} {
		at.Store(0)
	}
	require.NoError(t, r.web.Activate(t.Context(), o))
	all := time.Since(start)
	t.Logf("the first batch began after %v; a first host had switched after %v, was well after %v and in service after %v; all after %v",
		begun, since(&switched), since(&confirmed), since(&r.lb.first), all)
	assert.Equal(t, 200, r.live(1))
	assert.Less(t, begun, 5*time.Second)
	assert.Less(t, since(&switched), 5*time.Second, "a first host is on the old release")
	assert.Less(t, since(&r.lb.first), first, "and in service")
	if out > 0 {
		assert.Less(t, since(&confirmed), 5*time.Second, "without a drain it is well by then, too")
	}
	assert.Less(t, all, time.Minute)
	assert.Equal(t, fetched, r.fetched(), "a release was fetched")
	assert.Equal(t, asked, depot.asked, "a byte could be fetched")
	time.Sleep(time.Minute)
}

func (r *rig) fetched() (n int) {
	for _, m := range r.models {
		n += m.Fetched()
	}
	return n
}
