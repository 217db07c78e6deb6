package fleet

import (
	"context"
	"time"

	"github.com/muster-deploy/muster/target"
)

// reading is what a host said, or is about to say, before its turn.
type reading struct {
	done chan struct{} // closed when the rest is set
	unit target.Unit
	at   time.Time
}

// taken is a reading that is there already.
func taken(u target.Unit, at time.Time) *reading {
	r := &reading{done: make(chan struct{}), unit: u, at: at}
	close(r.done)
	return r
}

// readAhead begins to read the hosts whose turn is near. That touches none of them, so
// nobody is asked, and what they say is looked at in their turn only.
func (r *rollout) readAhead(ctx context.Context) {
	if r.f.c.ReadAhead == 0 {
		return
	}
	if r.queue == nil {
		for _, b := range r.batches {
			r.queue = append(r.queue, b.members...)
		}
	}
	if r.ahead > r.started+r.f.c.ReadAhead/2 {
		return // many at once are one call for some transports
	}
	for ; r.ahead < min(len(r.queue), r.started+1+r.f.c.ReadAhead); r.ahead++ {
		m := r.queue[r.ahead]
		if m.early != nil && time.Since(m.early.at) < r.f.c.ReadingLimit/2 {
			continue // the order has only just begun
		}
		early := &reading{done: make(chan struct{})}
		m.early = early
		go func() {
			early.unit, _ = r.f.read(ctx, m.Host, target.Order{})
			early.at = time.Now()
			close(early.done)
		}()
	}
}

// due is the reading for a host whose turn has come.
func (r *rollout) due(m *member) *reading {
	r.started++
	if r.f.c.ReadAhead == 0 {
		return nil
	}
	return m.early
}

// fresh is what a host says in its turn.
func (f *Fleet) fresh(ctx context.Context, h Host, early *reading) target.Unit {
	if early != nil {
		<-early.done // it has a limit of its own
		if time.Since(early.at) < f.c.ReadingLimit && early.unit.Condition != target.Unknown {
			return early.unit
		}
	}
	u, _ := f.read(ctx, h, target.Order{})
	return u
}
