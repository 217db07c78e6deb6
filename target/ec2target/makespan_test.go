package ec2target_test

import (
	"context"
	"maps"
	"slices"
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
		Host: host.Config{Root: "/srv/shop", Packs: &host.Packs{Depot: &memory{}}},
		Fleet: fleet.Config{
			Parallel: len(m.hosts), Batch: fleet.Percent(2), MinInService: fleet.Percent(90),
			PrepareLimit: time.Hour, ObserveLimit: time.Minute, ReadingLimit: 20 * time.Minute,
		},
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

func TestTenThousandInstancesTakeHardlyLongerThanTheIdeal(t *testing.T) {
	const seed = 1
	m := newModel(seed)
	idealPrepare, idealRoll := m.ideal()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, m, func(_ *ec2target.Config, s *runcommand.Config) {
			s.Gather, s.Poll = 1200*time.Millisecond, 200*time.Millisecond
		})
		start := time.Now()
		require.NoError(t, r.web.Prepare(t.Context(), r.order(1, 1, target.Forward), targettest.Artifact(1)))
		prepared := time.Since(start)
		var begun []time.Duration // surveyed, then the canary has passed
		o := r.order(2, 1, target.Forward)
		o.Begin = func(context.Context, target.Step) error {
			begun = append(begun, time.Since(start)-prepared)
			return nil
		}
		require.NoError(t, r.web.Activate(t.Context(), o))
		rolled := time.Since(start) - prepared
		assert.Equal(t, len(m.hosts), r.live(1))
		made := float64(prepared+rolled) / float64(idealPrepare+idealRoll)
		t.Logf("seed %d: prepare %v (ideal %v); activate %v (ideal %v): surveyed after %v, canary passed after %v", seed,
			prepared, idealPrepare, rolled, idealRoll, begun[0], begun[1])
		t.Logf("all in all %.3f of the ideal, %d calls: %v", made, r.calls(), r.tally)
		// What is left above 1.05 is the survey of the whole fleet before anything is touched
		// (as fast as SSM takes commands), and a second for each turn: to fill a command, and
		// to be told of its end, which is had only by asking.
		assert.LessOrEqual(t, made, 1.065, "makespan")
		assert.Less(t, r.calls(), len(m.hosts)/50*12, "calls")
		time.Sleep(time.Minute)
	})
}

func TestRollbackOfAPreparedReleaseIsQuick(t *testing.T) {
	m := newModel(1)
	m.hosts = m.hosts[:200]
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, m, func(c *ec2target.Config, _ *runcommand.Config) { c.Fleet.MinInService = fleet.Percent(50) })
		require.NoError(t, r.web.Prepare(t.Context(), r.order(1, 1, target.Forward), targettest.Artifact(1)))
		require.NoError(t, r.web.Prepare(t.Context(), r.order(2, 2, target.Forward), targettest.Artifact(2)))
		require.NoError(t, r.web.Activate(t.Context(), r.order(3, 1, target.Forward)))
		require.NoError(t, r.web.Activate(t.Context(), r.order(4, 2, target.Forward)))
		require.Equal(t, 200, r.live(2))
		fetched := r.fetched()
		start := time.Now()
		var begun time.Duration
		o := r.order(5, 1, target.Backward)
		o.Begin = func(context.Context, target.Step) error {
			if begun == 0 {
				begun = time.Since(start)
			}
			return nil
		}
		r.lb.first.Store(0)
		require.NoError(t, r.web.Activate(t.Context(), o))
		all, first := time.Since(start), time.Unix(0, r.lb.first.Load()).Sub(start)
		t.Logf("first host out after %v, back on the old release after %v, all after %v", begun, first, all)
		assert.Equal(t, 200, r.live(1))
		assert.Less(t, begun, 5*time.Second)
		assert.Less(t, all, time.Minute)
		assert.Equal(t, fetched, r.fetched(), "a byte was fetched")
		time.Sleep(time.Minute)
	})
}

func (r *rig) fetched() (n int) {
	for _, m := range r.models {
		n += m.Fetched()
	}
	return n
}
