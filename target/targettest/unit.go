package targettest

import (
	"fmt"
	"slices"

	"github.com/muster-deploy/muster/target"
)

// unit is what stands on one unit's disk, and how it fares. The Memory's lock
// guards it.
type unit struct {
	stand
	name     string
	fence    fence
	before   string // the digest that served healthy before live did
	cut      bool   // nobody reaches it
	prepared []string
}

// stand is what a unit shows to the world.
type stand struct {
	live    string // digest; empty: vacant
	problem string // why it does not serve as it should; empty: it serves
}

// fence is the highest order that was confirmed: its number, and the digest of its
// release, or none for a read.
type fence struct {
	number uint64
	digest string
}

// admits says whether an order may pass: a higher one, or the same once more.
func (f fence) admits(number uint64, digest string) bool {
	return number > f.number || number == f.number && digest == f.digest
}

// is says whether the order is the one that raised the fence.
func (f fence) is(o target.Order) bool { return f == fence{o.Number, o.Release.Digest} }

// raise is the fence's compare and swap.
func (f *fence) raise(number uint64, digest string) error {
	if !f.admits(number, digest) {
		return fmt.Errorf("order %d, seen %d: %w", number, f.number, target.ErrStale)
	}
	*f = fence{number, digest}
	return nil
}

func (u *unit) prepare(o target.Order) error {
	if o.Number < u.fence.number {
		return fmt.Errorf("order %d, seen %d: %w", o.Number, u.fence.number, target.ErrStale)
	}
	u.hold(o.Release.Digest)
	return nil
}

func (u *unit) hold(digest string) {
	if !slices.Contains(u.prepared, digest) {
		u.prepared = append(u.prepared, digest)
	}
}

// read raises the fence to an order without a release; with zero it does nothing.
func (u *unit) read(number uint64) error {
	if number == 0 {
		return nil
	}
	return u.fence.raise(number, "")
}

// confirm ends a switch that went well.
func (u *unit) confirm(o target.Order, was stand) error {
	if !u.fence.is(o) {
		return target.ErrStale
	}
	if was.live != o.Release.Digest && was.live != "" && was.problem == "" {
		u.before = was.live
	}
	u.problem = ""
	return nil
}

func (u *unit) serves(digest string) bool { return u.live == digest && u.problem == "" }

func (u *unit) seen() target.Unit {
	s := target.Unit{Name: u.name, Digest: u.live, Number: u.fence.number, Problem: u.problem}
	switch {
	case u.problem != "":
		s.Condition = target.Unhealthy
	case u.live == "":
		s.Condition = target.Vacant
	default:
		s.Condition = target.Serving
	}
	return s
}

// retire drops what neither the order nor the way back needs.
func (u *unit) retire(keep []string) {
	u.prepared = slices.DeleteFunc(u.prepared, func(d string) bool {
		return d != u.live && d != u.before && !slices.Contains(keep, d)
	})
}
