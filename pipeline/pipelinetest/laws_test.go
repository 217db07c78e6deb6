package pipelinetest_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// laws checks a whole history and returns what is wrong with it.
type laws struct {
	*world
	broken []string
	begun  map[string]bool // attempts that the record ever had open
	backTo map[string]time.Time
	used   map[string]bool // requests that were applied
	holds  map[string]bool // holds of the record that were ever placed
}

func checkLaws(w *world) []string {
	l := &laws{world: w, begun: map[string]bool{}, backTo: map[string]time.Time{}, used: map[string]bool{}, holds: map[string]bool{}}
	before := pipeline.Record{}
	for _, write := range w.store.writes {
		after := write.record()
		l.transition(write, before, after)
		before = after
	}
	l.units()
	l.numbers()
	l.wideHolds()
	l.history(before)
	return l.broken
}

func (l *laws) breaks(law string, format string, args ...any) {
	l.broken = append(l.broken, law+": "+fmt.Sprintf(format, args...))
}

// transition checks one swap of the record.
func (l *laws) transition(w write, before, after pipeline.Record) {
	fresh := l.requests(w, before, after)
	l.growth(w, before, after)
	l.opening(w, before, after)
	l.batches(w, before, after)
	l.lifting(w, before, after, fresh)
}

// requests: one request, at most one transition.
func (l *laws) requests(w write, before, after pipeline.Record) (fresh []string) {
	had := map[string]bool{}
	for _, a := range before.Requests {
		had[a.ID] = true
	}
	listed := map[string]bool{}
	for _, a := range after.Requests {
		if listed[a.ID] {
			l.breaks("(e) one request, at most one transition", "%s is in the record twice", a.ID)
		}
		listed[a.ID] = true
		if had[a.ID] {
			continue
		}
		fresh = append(fresh, a.ID)
		if l.used[a.ID] {
			l.breaks("(e) one request, at most one transition", "%s was applied twice", a.ID)
		}
		l.used[a.ID] = true
	}
	if len(fresh) > 1 {
		l.breaks("(e) one request, at most one transition", "one swap applied %v", fresh)
	}
	return fresh
}

// growth: epochs and numbers never go back.
func (l *laws) growth(w write, before, after pipeline.Record) {
	if after.Epoch < before.Epoch || after.Number < before.Number || after.Releases < before.Releases || after.Grant < before.Grant {
		l.breaks("(h) epochs and numbers never go back", "%s wrote epoch %d after %d, number %d after %d", w.who,
			after.Epoch, before.Epoch, after.Number, before.Number)
	}
	if after.Epoch > 0 && after.Epoch == before.Epoch && w.who[0] == 'd' && after.Holder != w.who {
		l.breaks("one deployer acts", "%s wrote in the epoch of %s", w.who, after.Holder)
	}
}

// opening: what may begin, and when.
func (l *laws) opening(w write, before, after pipeline.Record) {
	o := after.Open
	if o == nil || before.Open != nil && before.Open.ID == o.ID {
		return
	}
	if l.begun[o.ID] {
		l.breaks("(i) every deploy ends once", "%s was opened again", o.ID)
	}
	l.begun[o.ID] = true
	if o.Kind == pipeline.KindRollback {
		if _, ok := l.backTo[o.To.Digest]; !ok {
			l.backTo[o.To.Digest] = w.at
		}
		if after.Stop == nil || after.Live == nil || *after.Live != o.To {
			l.breaks("a rollback is one write", "%s began without a stop, or without its release live", o.ID)
		}
		return
	}
	if before.Open != nil {
		l.breaks("(h) an open deploy is finished before another begins", "%s began over %s", o.ID, before.Open.ID)
	}
	l.deploying(w, before, o)
}

// deploying: whether a deploy was one that may begin.
func (l *laws) deploying(w write, before pipeline.Record, o *pipeline.Attempt) {
	revision := o.To.Revision
	if before.Stop != nil {
		l.breaks("(d) nothing begins after a stop", "%s began while stopped by %s", o.ID, before.Stop.ID)
	}
	if hold := holding(before, w.at, o.Override.Holds, false); hold != "" {
		l.breaks("(d) nothing begins under a hold", "%s began under %s", o.ID, hold)
	}
	if slices.ContainsFunc(before.Excluded, func(e pipeline.Excluded) bool { return e.Revision == revision }) {
		l.breaks("(g) automation never ships a quarantined commit", "%s began", o.ID)
	}
	if before.Floor != "" && !l.branch.descends(before.Floor, revision) {
		l.breaks("(g) automation ships only what descends from the floor", "%s began, the floor is %s", o.ID, name(before.Floor))
	}
	if before.Live != nil && (revision == before.Live.Revision || !l.branch.descends(before.Live.Revision, revision)) {
		l.breaks("(b) never backwards", "%s began over %s", o.ID, before.Live.ID)
	}
	if _, green := l.branch.greenSince(revision); !green && !o.Override.Unjudged {
		l.breaks("(g) automation ships what passed", "%s began and never passed", o.ID)
	}
	if slices.ContainsFunc(before.Parked, func(p pipeline.Parked) bool { return p.Revision == revision }) && o.By == "" {
		l.breaks("(g) automation does not try again what failed", "%s began", o.ID)
	}
}

// holding returns the id of a hold of the record that forbids, or nothing.
func holding(r pipeline.Record, at time.Time, past []string, everything bool) string {
	for _, h := range r.Holds {
		if h.Active(at) && h.Scope.Covers(pipelineName) && !slices.Contains(past, h.ID) && (!everything || h.Level == lock.Everything) {
			return h.ID
		}
	}
	return ""
}

// batches: no batch begins after a stop, an abort or a hold.
func (l *laws) batches(w write, before, after pipeline.Record) {
	if after.Open == nil || batchesOf(after.Open) <= batchesOf(before.Open) {
		return
	}
	o, rollback := after.Open, after.Open.Kind == pipeline.KindRollback
	if before.Open == nil || before.Open.ID != o.ID {
		l.breaks("(d) a batch is of what is open", "a batch of %s began with its opening", o.ID)
		return
	}
	if hold := holding(before, w.at, o.Override.Holds, rollback); hold != "" {
		l.breaks("(d) no batch begins under a hold", "%s of %s under %s", o.ID, w.who, hold)
	}
	if !rollback && (before.Stop != nil || before.Open.Abort != nil) {
		l.breaks("(d) no batch begins after a stop", "%s of %s", o.ID, w.who)
	}
}

// batchesOf counts the units that an attempt has begun.
func batchesOf(o *pipeline.Attempt) (n int) {
	if o == nil {
		return 0
	}
	for _, s := range o.Stages {
		for _, t := range s.Targets {
			n += t.Begun
		}
	}
	return n
}

// lifting: only the stop and the hold that were named are lifted.
func (l *laws) lifting(w write, before, after pipeline.Record, fresh []string) {
	var asked pipeline.Request
	if len(fresh) == 1 {
		asked = l.asked[fresh[0]].request
	}
	for _, h := range before.Holds {
		gone := !slices.ContainsFunc(after.Holds, func(o lock.Hold) bool { return o == h })
		if lift, ok := asked.(pipeline.LiftHold); gone && (!ok || lift.Hold != h.ID) && h.Until.IsZero() {
			l.breaks("(f) only the hold that is named is lifted", "%s took %s away with %T %v", w.who, h.ID, asked, fresh)
		}
	}
	for _, h := range after.Holds {
		if !slices.ContainsFunc(before.Holds, func(o lock.Hold) bool { return o.ID == h.ID }) {
			if l.holds[h.ID] {
				l.breaks("(e) one request, at most one transition", "hold %s came back", h.ID)
			}
			l.holds[h.ID] = true
		}
	}
	if before.Stop == nil || after.Stop != nil && after.Stop.ID == before.Stop.ID {
		return
	}
	resume, resumed := asked.(pipeline.Resume)
	_, rolled := asked.(pipeline.Rollback)
	if !(resumed && resume.Stop == before.Stop.ID && after.Stop == nil) && !(rolled && after.Stop != nil) {
		l.breaks("(f) only the stop that is named is lifted", "%s took %s away with %T %v", w.who, before.Stop.ID, asked, fresh)
	}
}

// units checks every switch of every unit.
func (l *laws) units() {
	for _, t := range l.targets {
		highest := map[string]uint64{}
		for _, c := range t.History() {
			if c.Number < highest[c.Unit] {
				l.breaks("(a) no unit is switched by a lower number", "%s by order %d after %d", c.Unit, c.Number, highest[c.Unit])
			}
			highest[c.Unit] = c.Number
			at, rolled := l.backTo[c.To]
			if !c.Back && l.older(c.To, c.From) && (!rolled || c.At.Before(at)) {
				l.breaks("(b) no unit goes back without a rollback", "%s went from %s to %s by order %d (%s)", c.Unit,
					l.release(c.From), l.release(c.To), c.Number, c.Intent)
			}
		}
	}
}

// older reports whether every change of one digest is an ancestor of every change of
// another.
func (l *laws) older(a, b string) bool {
	for _, x := range l.revisionsOf(a) {
		for _, y := range l.revisionsOf(b) {
			if x == y || !l.branch.descends(x, y) {
				return false
			}
		}
	}
	return a != "" && b != ""
}

// release names a digest by its changes.
func (l *laws) release(digest string) string {
	text := "nothing"
	for i, r := range l.revisionsOf(digest) {
		if i == 0 {
			text = name(r)
		} else {
			text += "=" + name(r)
		}
	}
	return text
}

// numbers: each call has a number of its own.
func (l *laws) numbers() {
	seen := map[uint64]string{}
	for _, d := range l.orders {
		call := d.call + " " + d.target.Name() + " " + d.order.Release.Digest
		if other, twice := seen[d.order.Number]; twice {
			l.breaks("each call has a number of its own", "%d was given to %q and %q", d.order.Number, other, call)
		}
		seen[d.order.Number] = call
	}
}

// wideHolds: at most one batch of a deployer begins after a wider hold has returned.
func (l *laws) wideHolds() {
	for id, a := range l.asked {
		hold, ok := a.request.(pipeline.PlaceHold)
		if !ok || a.done.IsZero() || !(hold.Scope == lock.All || hold.Scope == lock.Prefix("shop/")) {
			continue
		}
		end := l.start.Add(24 * time.Hour)
		if !hold.Until.IsZero() {
			end = hold.Until
		}
		for _, other := range l.asked {
			if lift, ok := other.request.(pipeline.LiftHold); ok && lift.Hold == id {
				end = earlier(end, a.done) // when it was lifted is not known exactly
			}
		}
		l.after(id, hold.Level, a.done, end)
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// after counts what began between the return of a hold and its end.
func (l *laws) after(id string, level lock.Level, from, to time.Time) {
	began := map[string]int{}
	for _, b := range l.world.begun {
		forbidden := b.intent == target.Forward || level == lock.Everything
		if forbidden && b.at.After(from) && b.at.Before(to) && !l.pastHold(id) {
			began[b.who]++
		}
	}
	for who, n := range began {
		if n > 1 {
			l.breaks("(d) at most one batch begins after a wider hold", "%d of %s after %s", n, who, id)
		}
	}
}

// pastHold reports whether somebody asked to go past a hold.
func (l *laws) pastHold(id string) bool {
	for _, a := range l.asked {
		if ship, ok := a.request.(pipeline.Ship); ok && slices.Contains(ship.Holds, id) {
			return true
		}
	}
	return false
}

// history: every deploy that began is in the history once, with a declared end.
func (l *laws) history(last pipeline.Record) {
	found := map[string]int{}
	for d, err := range pipeline.Open(l.store, nil, pipelineName).Deploys(context.Background(), "") {
		if err != nil {
			l.breaks("(i) every deploy ends declared", "%v", err)
			return
		}
		found[d.ID]++
		if d.End == "" || d.Ended.IsZero() {
			l.breaks("(i) every deploy ends declared", "%s has no end", d.ID)
		}
	}
	for id := range l.begun {
		open := last.Open != nil && last.Open.ID == id
		if found[id] != 1 && !open {
			l.breaks("(i) every deploy ends declared", "%s is in the history %d times", id, found[id])
		}
	}
}
