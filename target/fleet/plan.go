package fleet

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/target"
)

// member is a host in one order under way. Only the goroutine of the rollout
// touches it.
type member struct {
	Host
	last    target.Unit // as it was last read
	read    time.Time   // when that was
	served  bool        // it served when the order came
	out     bool        // it is under way
	shunned bool        // it was left out of the balancer by this order
	gone    bool        // it left the fleet during this order
	idle    bool        // Config.InService said last that it gets no requests
	early   *reading    // taken before its turn
	err     error       // what went wrong on it
}

// inService says whether requests reach the host, as far as is known.
func (m *member) inService() bool {
	return m.last.Condition == target.Serving && !m.out && !m.shunned && !m.gone && !m.idle
}

// forward says whether an order is a deploy.
func forward(o target.Order) bool { return o.Intent == target.Forward || o.Intent == "" }

// on says whether a unit needs nothing to be done.
func on(u target.Unit, o target.Order) bool {
	return u.Condition == target.Serving && u.Digest == o.Release.Digest
}

// batch is a group of hosts of one zone that Begin is asked for at once.
type batch struct {
	members []*member
	canary  bool
	alone   bool // nothing else may be out of service when it begins
}

// Plan implements target.Planner: the batches are those that Activate would begin
// if nothing changed until then.
func (f *Fleet) Plan(ctx context.Context, o target.Order) ([]target.Step, error) {
	r, err := f.survey(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	if r.refuse(); r.stopped() {
		return nil, r.verdict()
	}
	r.cut(ctx)
	steps := make([]target.Step, len(r.batches))
	for i := range r.batches {
		steps[i] = r.step(i)
	}
	return steps, nil
}

// survey reads every member of which there is no early reading.
func (f *Fleet) survey(ctx context.Context, o target.Order, early map[string]*reading) (*rollout, error) {
	hosts, err := f.members(ctx)
	if err != nil {
		return nil, fmt.Errorf("activate %s on %s: %w", o.Release.ID, f.c.Name, err)
	}
	r := newRollout(f, o, hosts)
	if err := r.readAll(ctx, early); err != nil {
		return nil, fmt.Errorf("activate %s on %s: %w", o.Release.ID, f.c.Name, err)
	}
	for _, m := range r.members {
		m.early = f.taken(m.last, m.read, len(r.members))
		m.served = m.last.Condition == target.Serving
		if m.last.Condition == target.Unknown {
			r.fail(m, fmt.Errorf("out of reach: %s", m.last.Problem))
		}
	}
	return r, nil
}

// cut makes batches of the members that are not on the release: the canaries from
// the smallest zone, then zone by zone, the smallest first. A rollback begins with those
// that serve nobody: they have nothing to drain, and their return is what helps most.
func (r *rollout) cut(ctx context.Context) {
	if r.o.Intent == target.Backward {
		r.census(ctx)
	}
	zones := r.zones()
	if n := r.f.c.Canary; r.o.Intent == target.Forward && n > 0 && len(zones) > 0 {
		n = min(n, len(zones[0]))
		r.batches = append(r.batches, batch{members: zones[0][:n], canary: true})
		zones[0] = zones[0][n:]
	}
	for _, zone := range zones {
		first := r.o.Intent != target.Backward // a rollback does not wait for a zone
		for chunk := range slices.Chunk(zone, r.window) {
			r.batches = append(r.batches, batch{members: chunk, alone: first})
			first = false
		}
	}
}

// zones groups the members that have work to be done. Zones are ordered by how many
// members they have in all, then by name.
func (r *rollout) zones() [][]*member {
	size := map[string]int{}
	var todo []*member
	for _, m := range r.members {
		size[m.Zone]++
		if m.err == nil && !on(m.last, r.o) {
			todo = append(todo, m)
		}
	}
	slices.SortStableFunc(todo, func(a, b *member) int {
		return cmp.Or(r.waits(a)-r.waits(b), cmp.Compare(size[a.Zone], size[b.Zone]), cmp.Compare(a.Zone, b.Zone))
	})
	var zones [][]*member
	for i, m := range todo {
		if i == 0 || todo[i-1].Zone != m.Zone {
			zones = append(zones, nil)
		}
		zones[len(zones)-1] = append(zones[len(zones)-1], m)
	}
	return zones
}

// waits is 1 for a member that has its turn after those for whom it is 0.
func (r *rollout) waits(m *member) int {
	if r.o.Intent == target.Backward && m.inService() {
		return 1
	}
	return 0
}

// step is what Begin is asked about the i-th batch.
func (r *rollout) step(i int) target.Step {
	s := target.Step{Batch: i + 1, Batches: len(r.batches)}
	for _, m := range r.batches[i].members {
		s.Units = append(s.Units, m.Name)
	}
	return s
}
