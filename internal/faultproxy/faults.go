package faultproxy

import (
	"math/rand/v2"
	"sync"
	"time"
)

// Faults say how often what goes wrong, each from 0, never, to 1, always. The zero
// value passes everything on at once.
type Faults struct {
	// Seed makes the faults the same for requests in the same order.
	Seed uint64

	// Refused requests never reach the server: the connection is closed.
	Refused float64

	// Lost answers never reach the client, though the server did what was asked.
	Lost float64

	// Repeated requests reach the server twice, and the client gets the second
	// answer, as from a proxy that tries again.
	Repeated float64

	// Truncated answers break off in the midst of their body.
	Truncated float64

	// Delay is how long a request is held up at most.
	Delay time.Duration
}

// fault is what happens to one request.
type fault struct {
	refused, lost, repeated, truncated bool
	delay                              time.Duration
}

// dice decide what happens to each request.
type dice struct {
	faults Faults
	mu     sync.Mutex
	random *rand.Rand
}

func roll(f Faults) *dice { return &dice{faults: f, random: rand.New(rand.NewPCG(f.Seed, 0))} }

func (d *dice) next() fault {
	d.mu.Lock()
	defer d.mu.Unlock()
	f := fault{
		refused:   d.random.Float64() < d.faults.Refused,
		lost:      d.random.Float64() < d.faults.Lost,
		repeated:  d.random.Float64() < d.faults.Repeated,
		truncated: d.random.Float64() < d.faults.Truncated,
	}
	if d.faults.Delay > 0 {
		f.delay = time.Duration(d.random.Int64N(int64(d.faults.Delay)))
	}
	return f
}
