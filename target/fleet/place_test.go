package fleet_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/targettest"
)

// park is a set of hosts in memory with a balancer before them.
type park struct {
	mu      sync.Mutex
	hosts   []fleet.Host
	memory  map[string]*targettest.Memory
	hook    targettest.Hook // Point.Unit is the host's name
	out     map[string]bool // deregistered
	calls   []string        // of the balancer, "drain a" and "register a"
	minimum int             // fewest in the balancer at any time
	drain   func(ctx context.Context, name string) error
	enrol   func(ctx context.Context, name string) error
}

func newPark(names ...string) *park {
	p := &park{memory: map[string]*targettest.Memory{}, out: map[string]bool{}, minimum: len(names)}
	for _, name := range names {
		p.add(name, "")
	}
	return p
}

func (p *park) add(name, zone string) {
	m := targettest.NewMemory(name, name)
	m.Hook = func(ctx context.Context, at targettest.Point) error {
		if p.hook == nil {
			return nil
		}
		return p.hook(ctx, at)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.memory[name] = m
	p.hosts = append(p.hosts, fleet.Host{Name: name, Zone: zone, Target: m})
	p.minimum = len(p.hosts)
}

func (p *park) remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hosts = slices.DeleteFunc(p.hosts, func(h fleet.Host) bool { return h.Name == name })
}

func (p *park) list(context.Context) ([]fleet.Host, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.hosts), nil
}

// Deregister implements fleet.Balancer.
func (p *park) Deregister(ctx context.Context, h fleet.Host) error {
	p.mu.Lock()
	p.calls = append(p.calls, "drain "+h.Name)
	p.out[h.Name] = true
	p.minimum = min(p.minimum, len(p.hosts)-len(p.out))
	p.mu.Unlock()
	if p.drain == nil {
		return nil
	}
	return p.drain(ctx, h.Name)
}

// Register implements fleet.Balancer.
func (p *park) Register(ctx context.Context, h fleet.Host) error {
	if p.enrol != nil {
		if err := p.enrol(ctx, h.Name); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, "register "+h.Name)
	delete(p.out, h.Name)
	return nil
}

// config is that of a fleet over the park, with short pauses.
func (p *park) config() fleet.Config {
	return fleet.Config{Name: "web", Hosts: p.list, Balancer: p, Interval: time.Millisecond, Canary: -1}
}

// fleet opens a fleet over the park.
func (p *park) fleet(t testing.TB, change func(*fleet.Config)) *fleet.Fleet {
	t.Helper()
	c := p.config()
	if change != nil {
		change(&c)
	}
	f, err := fleet.New(c)
	require.NoError(t, err)
	return f
}

// live maps every host to the release that it serves, by number.
func (p *park) live() map[string]int {
	all := map[string]int{}
	for name, m := range p.memory {
		s, _ := m.Observe(context.Background(), target.Order{})
		for n := 1; n < 5; n++ {
			if s.Units[0].Digest == targettest.Artifact(n).Digest {
				all[name] = n
			}
		}
	}
	return all
}

// order is the number-th order, for the n-th release.
func order(number uint64, n int, why target.Intent) target.Order {
	return target.Order{Number: number, Epoch: 1, Intent: why, Release: target.Release{
		ID: fmt.Sprint(n), Digest: targettest.Artifact(n).Digest,
	}}
}

// prepare brings releases to all hosts.
func prepare(t testing.TB, f target.Target, releases ...int) {
	t.Helper()
	for _, n := range releases {
		require.NoError(t, f.Prepare(t.Context(), order(1_000_000, n, target.Forward), targettest.Artifact(n)))
	}
}

// ship makes release 1 live by order 1 and prepares release 2.
func ship(t testing.TB, f target.Target) {
	t.Helper()
	prepare(t, f, 1, 2)
	require.NoError(t, f.Activate(t.Context(), order(1, 1, target.Forward)))
}

// place is a park for the conformance suite.
type place struct {
	*park
	c    fleet.Config
	left atomic.Int64
	wrap func(target.Target) target.Target
}

func newPlace() *place {
	p := &place{park: newPark("a", "b", "c", "d", "e")}
	p.left.Store(1 << 60)
	p.hook = func(context.Context, targettest.Point) error { return p.step() }
	p.drain = func(context.Context, string) error { return p.step() }
	p.enrol = func(context.Context, string) error { return p.step() }
	p.c = p.config()
	p.c.Interval, p.c.ConfirmLimit, p.c.CleanupLimit = time.Second, 5*time.Second, 5*time.Second
	p.c.Batch = fleet.Number(2)
	p.c.MinInService = fleet.Number(2)
	return p
}

func (p *place) step() error {
	if p.left.Add(-1) < 0 {
		return targettest.ErrPowerCut
	}
	return nil
}

func (p *place) Open() (target.Target, error) {
	f, err := fleet.New(p.c)
	if p.wrap != nil && err == nil {
		return p.wrap(f), nil
	}
	return f, err
}

func (p *place) CrashAfter(steps int) func() bool {
	p.left.Store(int64(steps))
	return func() bool { return p.left.Swap(1<<60) < 0 }
}

func (p *place) Cut(unit string, off bool) { p.memory[unit].Cut(unit, off) }

func (p *place) Drift(unit string) { p.memory[unit].Drift(unit, "sha256:by-hand") }

func (p *place) Join() string {
	p.add("z", "")
	return "z"
}

func TestAFleetPassesTheSuite(t *testing.T) {
	targettest.TestTargetInVirtualTime(t, func(targettest.TB) targettest.Place { return newPlace() })
}

func TestAFleetWithCanaryAndBudgetPassesTheSuite(t *testing.T) {
	targettest.TestTargetInVirtualTime(t, func(targettest.TB) targettest.Place {
		p := newPlace()
		p.c.Canary, p.c.Budget = 1, 1
		return p
	})
}

type decorated struct{ target.Target }

func (d decorated) Unwrap() target.Target { return d.Target }

func TestAFleetBehindADecoratorPassesTheSuite(t *testing.T) {
	targettest.TestTargetInVirtualTime(t, func(targettest.TB) targettest.Place {
		p := newPlace()
		p.wrap = func(t target.Target) target.Target { return decorated{t} }
		return p
	})
}
