package targettest

import (
	"context"
	"slices"

	"github.com/muster-deploy/muster/target"
)

// What the world does to units, behind the deployer's back. Each names a unit; one
// that is not a member is ignored.

// Join adds a vacant unit, as a host that was never deployed to.
func (m *Memory) Join(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := m.search(name); !ok {
		m.units = slices.Insert(m.units, i, &unit{name: name})
	}
}

// Leave removes a unit with all that it had.
func (m *Memory) Leave(name string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i, ok := m.search(name); ok {
		m.units = slices.Delete(m.units, i, i+1)
	}
}

// Cut makes a unit unreachable, or reachable again.
func (m *Memory) Cut(name string, off bool) { m.with(name, func(u *unit) { u.cut = off }) }

// Sicken makes a unit unhealthy with a problem; an empty one makes it well again.
func (m *Memory) Sicken(name, problem string) { m.with(name, func(u *unit) { u.problem = problem }) }

// Drift puts another digest live without any order, as a person at the keyboard does.
// It is not part of the History.
func (m *Memory) Drift(name, digest string) { m.with(name, func(u *unit) { u.live = digest }) }

// Forget drops a prepared release.
func (m *Memory) Forget(name, digest string) {
	m.with(name, func(u *unit) {
		u.prepared = slices.DeleteFunc(u.prepared, func(d string) bool { return d == digest })
	})
}

// Prepared returns the digests that a unit holds, sorted.
func (m *Memory) Prepared(name string) []string {
	var held []string
	m.with(name, func(u *unit) { held = slices.Sorted(slices.Values(u.prepared)) })
	return held
}

// Deliver hands one unit the command of an order once more, as a transport that is
// late or repeats itself does: nobody is asked, only the unit's fence is in the way.
func (m *Memory) Deliver(ctx context.Context, name string, o target.Order) error {
	return m.activate(ctx, name, o)
}

func (m *Memory) with(name string, f func(*unit)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if u := m.find(name); u != nil {
		f(u)
	}
}
