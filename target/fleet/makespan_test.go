package fleet_test

import (
	"context"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/targettest"
)

// rollTenThousand prepares and activates one release on all hosts of the model and
// returns how long both took in virtual time.
func rollTenThousand(t *testing.T, m *model) (prepared, rolled time.Duration) {
	index := map[string]int{}
	hosts := make([]fleet.Host, len(m.hosts))
	for i, name := range m.hosts {
		index[name] = i
		host := targettest.NewMemory(name, name)
		host.Hook = func(_ context.Context, at targettest.Point) error {
			switch at.Phase {
			case targettest.Prepare:
				time.Sleep(m.fetch[i])
			case targettest.Switch:
				time.Sleep(m.restart[i])
			}
			return nil
		}
		hosts[i] = fleet.Host{Name: name, Target: host}
	}
	lb := &slowBalancer{drain: func(h fleet.Host) { time.Sleep(m.drain[index[h.Name]]) }}
	f, err := fleet.New(fleet.Config{
		Name:         "web",
		Hosts:        func(context.Context) ([]fleet.Host, error) { return hosts, nil },
		Parallel:     m.prepareSlots,
		Batch:        fleet.Percent(2),
		MinInService: fleet.Percent(90),
		Balancer:     lb,
	})
	require.NoError(t, err)
	a := &build.Artifact{Digest: targettest.Artifact(1).Digest} // its bytes are not the subject
	start := time.Now()
	require.NoError(t, f.Prepare(t.Context(), order(1, 1, target.Forward), a))
	prepared = time.Since(start)
	require.NoError(t, f.Activate(t.Context(), order(2, 1, target.Forward)))
	require.LessOrEqual(t, lb.most.Load(), int64(m.rollSlots), "hosts out of service at once")
	return prepared, time.Since(start) - prepared
}

// slowBalancer counts how many hosts are out at once.
type slowBalancer struct {
	drain     func(fleet.Host)
	out, most atomic.Int64
}

func (b *slowBalancer) Deregister(_ context.Context, h fleet.Host) error {
	n := b.out.Add(1)
	for most := b.most.Load(); n > most && !b.most.CompareAndSwap(most, n); most = b.most.Load() {
	}
	b.drain(h)
	return nil
}

func (b *slowBalancer) Register(context.Context, fleet.Host) error {
	b.out.Add(-1)
	return nil
}

func TestTenThousandHostsTakeHardlyLongerThanTheIdeal(t *testing.T) {
	const seed = 1
	m := newModel(seed)
	idealPrepare, idealRoll := m.ideal()
	var prepared, rolled time.Duration
	synctest.Test(t, func(t *testing.T) { prepared, rolled = rollTenThousand(t, m) })
	t.Logf("seed %d: prepare %v (ideal %v), activate %v (ideal %v)", seed, prepared, idealPrepare, rolled, idealRoll)
	assert.LessOrEqual(t, float64(prepared), 1.02*float64(idealPrepare), "prepare")
	assert.LessOrEqual(t, float64(rolled), 1.02*float64(idealRoll), "activate")
}

// BenchmarkRollout reports virtual time over the ideal, and the CPU time of one
// rollout. A bubble of virtual time needs a *testing.T, hence RunTests.
func BenchmarkRollout(b *testing.B) {
	m := newModel(1)
	idealPrepare, idealRoll := m.ideal()
	var prepared, rolled time.Duration
	before := cpu(b)
	for b.Loop() {
		ok := testing.RunTests(func(_, _ string) (bool, error) { return true, nil }, []testing.InternalTest{{
			Name: "rollout",
			F: func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { prepared, rolled = rollTenThousand(t, m) })
			},
		}})
		if !ok {
			b.Fatal("the rollout failed")
		}
	}
	b.ReportMetric((cpu(b)-before).Seconds()/float64(b.N), "cpu-s/op")
	b.ReportMetric(float64(prepared+rolled)/float64(idealPrepare+idealRoll), "makespan/ideal")
	b.ReportMetric(float64(rolled)/float64(idealRoll), "activate/ideal")
}

// cpu is the time that this process has computed.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
