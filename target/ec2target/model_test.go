package ec2target_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/target/fleet"
)

// model is a fleet in virtual time: how long each step takes on each host. It draws what
// the core's test of the package fleet draws, and knows nothing of the package under
// test.
type model struct {
	hosts                   []string
	fetch, drain, restart   []time.Duration
	probes                  time.Duration
	prepareSlots, rollSlots int
}

func newModel(seed uint64) *model {
	const hosts = 10_000
	r := rand.New(rand.NewPCG(seed, 0))
	around := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * (0.7 + 0.6*r.Float64()))
	}
	m := &model{probes: time.Second, prepareSlots: 64, rollSlots: hosts * 2 / 100}
	for i := range hosts {
		m.hosts = append(m.hosts, fmt.Sprintf("i-%08x", i+1))
		m.fetch = append(m.fetch, around(10*time.Second))
		m.drain = append(m.drain, around(5*time.Second))
		m.restart = append(m.restart, around(3*time.Second))
	}
	return m
}

// ideal is what no schedule can beat: one canary by itself, then all slots busy until
// the end.
func (m *model) ideal() (prepare, roll time.Duration) {
	var turns time.Duration
	for i := range m.hosts {
		prepare += m.fetch[i]
		turns += m.drain[i] + m.restart[i] + m.probes
	}
	canary := m.drain[0] + m.restart[0] + m.probes
	return prepare / time.Duration(m.prepareSlots), canary + (turns-canary)/time.Duration(m.rollSlots)
}

// slowBalancer drains for as long as it is told, and counts how many hosts are out at
// once.
type slowBalancer struct {
	drain func(fleet.Host)
	mu    sync.Mutex
	in    map[string]bool
	first atomic.Int64 // when the first host was registered, in Unix nanoseconds
}

func (b *slowBalancer) Deregister(_ context.Context, h fleet.Host) error {
	b.mu.Lock()
	was := b.in[h.Name]
	delete(b.in, h.Name)
	b.mu.Unlock()
	if was {
		b.drain(h) // who is out has no requests under way
	}
	return nil
}

func (b *slowBalancer) Register(_ context.Context, h fleet.Host) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.in[h.Name] = true
	b.first.CompareAndSwap(0, time.Now().UnixNano())
	return nil
}

func (b *slowBalancer) InService(context.Context) (map[string]bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	in := map[string]bool{}
	for name := range b.in {
		in[name] = true
	}
	return in, nil
}
