package targettest

import (
	"slices"
	"time"

	"github.com/muster-deploy/muster/target"
)

// Change is one switch of one unit from one release to another.
type Change struct {
	Unit          string
	From, To      string // digests; empty is vacant
	Number, Epoch uint64
	Intent        target.Intent
	// Back marks what a unit did by itself after it had failed.
	Back bool
	At   time.Time
}

// History returns every switch of every unit, in the order in which they happened.
func (m *Memory) History() []Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.history)
}

// record switches a unit and writes it down. The lock is held.
func (m *Memory) record(u *unit, o target.Order, to string, back bool) {
	m.history = append(m.history, Change{
		Unit: u.name, From: u.live, To: to,
		Number: o.Number, Epoch: o.Epoch, Intent: o.Intent,
		Back: back, At: time.Now(),
	})
	u.live = to
}
