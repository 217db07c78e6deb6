package fleet

import (
	"context"
	"time"

	"github.com/muster-deploy/muster/target"
)

// reading is what a host said, or is about to say, before its turn.
type reading struct {
	good time.Duration // how old it may become
	done chan struct{} // closed when the rest is set
	unit target.Unit
	at   time.Time
}

// perMember is by how much a fleet's readings may be older for each of its members, unless
// Config.ReadingLimit says otherwise: to read them all again costs a transport that
// reaches fifty at once a third of a call per second then, however many they are.
const perMember = 120 * time.Millisecond

// readingLimit is how old a reading may be in a fleet of so many.
func (f *Fleet) readingLimit(members int) time.Duration {
	if f.c.ReadingLimit > 0 {
		return f.c.ReadingLimit
	}
	return max(f.c.ObserveLimit, time.Duration(members)*perMember)
}

// taken is a reading that is there already, of one of so many members.
func (f *Fleet) taken(u target.Unit, at time.Time, members int) *reading {
	r := &reading{good: f.readingLimit(members), done: make(chan struct{}), unit: u, at: at}
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
		if m.early != nil && time.Since(m.early.at) < m.early.good/2 {
			continue // the order has only just begun
		}
		early := &reading{good: r.f.readingLimit(len(r.members)), done: make(chan struct{})}
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

// fresh is what a host says in its turn, and when it said so.
func (f *Fleet) fresh(ctx context.Context, h Host, early *reading) (target.Unit, time.Time) {
	if early != nil {
		<-early.done // it has a limit of its own
		if time.Since(early.at) < early.good && early.unit.Condition != target.Unknown {
			return early.unit, early.at
		}
	}
	u, _ := f.read(ctx, h, target.Order{})
	return u, time.Now()
}
