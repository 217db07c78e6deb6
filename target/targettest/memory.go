package targettest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Memory is a target.Target in memory, and the place where its units stand: what a
// call was killed in the middle of is found by the next one, as on real hosts. It
// starts no goroutines, works through its units in the order of their names, and
// does the same thing each time. Set the exported fields before the first call.
//
// All methods may be called by many goroutines at once, so one Memory also serves
// a deployer that was overtaken and its successor.
type Memory struct {
	// Batch is how many units are switched per step; zero means all of them.
	Batch int
	// Budget is how many units may fail or be out of reach in one Activate.
	Budget int
	// Hook is asked before every step. Nil lets everything succeed.
	Hook Hook

	name    string
	mu      sync.Mutex
	units   []*unit // sorted by name
	pointer fence
	history []Change
}

// NewMemory returns a target with the given units, all of them vacant.
func NewMemory(name string, units ...string) *Memory {
	m := &Memory{name: name}
	for _, u := range units {
		m.Join(u)
	}
	return m
}

// Name implements target.Target.
func (m *Memory) Name() string { return m.name }

// Prepare implements target.Target. The files of a are checked against its manifest
// if it has any (a.Files may be nil).
func (m *Memory) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	if err := verify(a); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	var failed []error
	for _, name := range m.Members() {
		err := m.step(ctx, Prepare, name, o, func(u *unit) error { return u.prepare(o) })
		if err != nil && fatal(ctx, err) {
			return unitError(name, err)
		}
		if err != nil && !errors.Is(err, errGone) {
			failed = append(failed, unitError(name, err))
		}
	}
	return errors.Join(failed...)
}

// Observe implements target.Target.
func (m *Memory) Observe(ctx context.Context, o target.Order) (target.State, error) {
	members := m.Members()
	s := target.State{Budget: m.Budget, Units: make([]target.Unit, 0, len(members))}
	var stale error
	for _, name := range members {
		var seen target.Unit
		err := m.step(ctx, Observe, name, o, func(u *unit) error {
			refused := u.read(o.Number)
			seen = u.seen()
			return refused
		})
		switch {
		case errors.Is(err, errGone):
			continue
		case errors.Is(err, target.ErrStale):
			seen.Problem = err.Error()
			stale = errors.Join(stale, unitError(name, err))
		case err != nil && fatal(ctx, err):
			return s, unitError(name, err)
		case err != nil:
			seen = target.Unit{Name: name, Problem: err.Error()}
		}
		s.Units = append(s.Units, seen)
	}
	return s, stale
}

// Members returns the names of the units, sorted.
func (m *Memory) Members() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	names := make([]string, len(m.units))
	for i, u := range m.units {
		names[i] = u.name
	}
	return names
}

// find returns the unit of that name, or nil. The lock is held.
func (m *Memory) find(name string) *unit {
	if i, ok := m.search(name); ok {
		return m.units[i]
	}
	return nil
}

func (m *Memory) search(name string) (int, bool) {
	return slices.BinarySearchFunc(m.units, name, func(u *unit, s string) int {
		return strings.Compare(u.name, s)
	})
}

func unitError(name string, err error) error { return &target.UnitError{Unit: name, Err: err} }
