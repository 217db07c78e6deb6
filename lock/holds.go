package lock

import (
	"fmt"
	"slices"
	"time"
)

// Holds is a set of holds, told apart by their IDs. Its methods leave it as it is
// and return another set. The nil Holds is empty and ready to use.
type Holds []Hold

// Active returns the holds that hold a pipeline of that name at the time now. It
// does not matter whether anybody has removed the expired ones.
func (hs Holds) Active(now time.Time, pipeline string) Holds {
	var active Holds
	for _, h := range hs {
		if h.Active(now) && h.Scope.Covers(pipeline) {
			active = append(active, h)
		}
	}
	return active
}

// Stopping returns the holds that stop what the level names: for Deploys all of
// them, for Everything, that is rollbacks and convergence, those on everything.
func (hs Holds) Stopping(l Level) Holds {
	var stopping Holds
	for _, h := range hs {
		if l == Deploys || h.Level == Everything {
			stopping = append(stopping, h)
		}
	}
	return stopping
}

// Get returns the hold of that ID, and whether there is one.
func (hs Holds) Get(id string) (Hold, bool) {
	i := slices.IndexFunc(hs, func(h Hold) bool { return h.ID == id })
	if i < 0 {
		return Hold{}, false
	}
	return hs[i], true
}

// With returns the set with one hold more. A hold that is not valid is refused, and
// one whose ID is taken: no hold ever takes another's place.
func (hs Holds) With(h Hold) (Holds, error) {
	if err := h.Validate(); err != nil {
		return hs, fmt.Errorf("place hold: %w", err)
	}
	if other, taken := hs.Get(h.ID); taken {
		return hs, fmt.Errorf("place hold: id %q is taken: %s", h.ID, other)
	}
	return append(slices.Clone(hs), h), nil
}

// Without returns the set without the hold of that ID, and whether there was one.
// All others stay, those of the same author, scope or reason too.
func (hs Holds) Without(id string) (Holds, bool) {
	rest := slices.DeleteFunc(slices.Clone(hs), func(h Hold) bool { return h.ID == id })
	return rest, len(rest) < len(hs)
}
