package locktest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/muster-deploy/muster/lock"
)

// event is one request that was made of a document, and what came of it. Begin and
// end are ticks of one clock that all requests share.
type event struct {
	swap       bool
	old        lock.Version // of a swap
	data       string       // written or loaded; every swap writes something else
	version    lock.Version // returned
	conflict   bool
	begin, end int64
}

func (e event) String() string {
	if !e.swap {
		return fmt.Sprintf("load at %d-%d of %q, version %q", e.begin, e.end, e.data, e.version)
	}
	return fmt.Sprintf("swap at %d-%d of %q from version %q to %q", e.begin, e.end, e.data, e.old, e.version)
}

// history records requests of one document that are made at the same time.
type history struct {
	key   string
	clock atomic.Int64

	mu     sync.Mutex
	events []event
}

func (h *history) add(e event) {
	e.end = h.clock.Add(1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, e)
}

// load loads the document and records that. Absence is the empty version.
func (h *history) load(ctx context.Context, s lock.Store) (lock.Version, error) {
	e := event{begin: h.clock.Add(1)}
	data, v, err := s.Load(ctx, h.key)
	if err != nil && !errors.Is(err, lock.ErrNotFound) {
		return "", fmt.Errorf("load of %s: %w", h.key, err)
	}
	e.data, e.version = string(data), v
	h.add(e)
	return v, nil
}

// swap swaps the document and records that.
func (h *history) swap(ctx context.Context, s lock.Store, old lock.Version, data string) error {
	e := event{swap: true, old: old, data: data, begin: h.clock.Add(1)}
	v, err := s.Swap(ctx, h.key, old, []byte(data))
	if err != nil && !errors.Is(err, lock.ErrConflict) {
		return fmt.Errorf("swap of %s: %w", h.key, err)
	}
	e.version, e.conflict = v, err != nil
	h.add(e)
	return nil
}

// chain is the order of all writes that succeeded, which their versions tell: each
// began from the one before. Absence has the place 0.
type chain struct {
	next  map[lock.Version]event // the write that followed a version
	place map[lock.Version]int
	data  map[lock.Version]string
}

// linearizable returns how the history contradicts a register that is changed by
// compare-and-swap, or nil. That every version is one of a kind makes it simple:
// there is at most one order, and it only has to be held against the clock.
func (h *history) linearizable() error {
	c, err := newChain(h.events)
	if err != nil {
		return err
	}
	for _, e := range h.events {
		if err := c.explain(e); err != nil {
			return err
		}
	}
	for _, earlier := range h.events {
		for _, later := range h.events {
			if earlier.end < later.begin {
				if err := c.ordered(earlier, later); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// newChain strings the writes together.
func newChain(events []event) (*chain, error) {
	c := &chain{next: map[lock.Version]event{}, place: map[lock.Version]int{"": 0}, data: map[lock.Version]string{"": ""}}
	writes := 0
	for _, e := range events {
		if !e.swap || e.conflict {
			continue
		}
		if other, twice := c.next[e.old]; twice {
			return nil, fmt.Errorf("two swaps from one version succeeded, an update is lost: %s; %s", other, e)
		}
		c.next[e.old] = e
		writes++
	}
	v := lock.Version("")
	for i := 1; i <= writes; i++ {
		e, ok := c.next[v]
		if !ok {
			return nil, fmt.Errorf("%d swaps succeeded, but from version %q, after %d of them, none did", writes, v, i-1)
		}
		if _, twice := c.place[e.version]; twice {
			return nil, fmt.Errorf("version %q comes twice: %s", e.version, e)
		}
		v = e.version
		c.place[v], c.data[v] = i, e.data
	}
	return c, nil
}

// explain checks one event for itself.
func (c *chain) explain(e event) error {
	if !e.swap {
		if data, ok := c.data[e.version]; !ok || data != e.data {
			return fmt.Errorf("no swap that succeeded wrote what a load returned: %s", e)
		}
		return nil
	}
	if !e.conflict {
		return nil
	}
	if next, ok := c.next[e.old]; !ok || next.begin > e.end {
		return fmt.Errorf("nobody else had written, but there was a conflict: %s", e)
	}
	return nil
}

// ordered checks that a later event does not see an earlier state.
func (c *chain) ordered(earlier, later event) error {
	if earlier.conflict || later.conflict {
		return nil
	}
	before, after := c.place[earlier.version], c.place[later.version]
	if after < before || after == before && later.swap {
		return fmt.Errorf("went back in time: %s; then %s", earlier, later)
	}
	return nil
}
