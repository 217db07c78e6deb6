package fleet_test

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// model is a fleet in virtual time: how long each step takes on each host. It knows
// nothing of the package under test.
type model struct {
	hosts                   []string
	fetch, drain, restart   []time.Duration
	probes                  time.Duration // two probes, one pause between them
	prepareSlots, rollSlots int
}

// newModel draws 10,000 hosts: fetch 10 s, drain 5 s, restart 3 s, two probes 1 s
// apart, with a spread of 30% to both sides.
func newModel(seed uint64) *model {
	const hosts = 10_000
	r := rand.New(rand.NewPCG(seed, 0))
	around := func(d time.Duration) time.Duration {
		return time.Duration(float64(d) * (0.7 + 0.6*r.Float64()))
	}
	m := &model{probes: time.Second, prepareSlots: 64, rollSlots: hosts * 2 / 100}
	for i := range hosts {
		m.hosts = append(m.hosts, fmt.Sprintf("host-%05d", i))
		m.fetch = append(m.fetch, around(10*time.Second))
		m.drain = append(m.drain, around(5*time.Second))
		m.restart = append(m.restart, around(3*time.Second))
	}
	return m
}

// ideal is what no schedule can beat: one canary by itself, then all slots busy until
// the end. A host's turn cannot be split, so the true optimum lies a little above.
func (m *model) ideal() (prepare, roll time.Duration) {
	var turns time.Duration
	for i := range m.hosts {
		prepare += m.fetch[i]
		turns += m.drain[i] + m.restart[i] + m.probes
	}
	canary := m.drain[0] + m.restart[0] + m.probes
	return prepare / time.Duration(m.prepareSlots), canary + (turns-canary)/time.Duration(m.rollSlots)
}
