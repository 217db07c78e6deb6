package pipelinetest_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// heal takes all that is wrong out of the world, but for a stop, and leaves one
// deployer.
func (w *world) heal() {
	w.note("--- the world heals")
	w.faults.Store(false)
	w.branch.fail(false)
	w.reach()
	w.mu.Lock()
	clear(w.sick)
	w.shrug = false
	w.mu.Unlock()
	w.wakeAll()
	time.Sleep(15 * time.Second) // requests and deliveries under way arrive
	for _, d := range w.alive() {
		if w.random.IntN(2) == 0 {
			d.die()
		} else {
			d.leave()
		}
	}
	w.faults.Store(false)
	w.deploy()
	time.Sleep(20 * time.Second) // it takes the lease over
	w.liftAll()
}

func (w *world) liftAll() {
	for _, h := range w.holds() {
		w.mu.Lock()
		id := fmt.Sprintf("q%d", len(w.asked)+1)
		r := pipeline.LiftHold{Asked: pipeline.Asked{ID: id, By: "ann"}, Hold: h.ID}
		w.asked[id] = asking{request: r}
		w.mu.Unlock()
		w.send(id, r)
	}
}

// settle waits until nothing happens any more, and reports whether that came.
func (w *world) settle() bool {
	writes, calm := -1, 0
	for range 120 {
		time.Sleep(10 * time.Second)
		n := w.store.count()
		if n == writes {
			calm++
		} else {
			writes, calm = n, 0
		}
		w.mu.Lock()
		w.shrug = false
		w.mu.Unlock()
		r := w.store.last()
		if r.Open != nil {
			w.answer()
		}
		if r.Open == nil && (calm >= 3 || w.converged(r) && calm >= 1) {
			return true
		}
	}
	return false
}

// converged reports whether every unit serves what is live.
func (w *world) converged(r pipeline.Record) bool {
	return len(w.off(r)) == 0
}

// off lists the units that do not serve what is live.
func (w *world) off(r pipeline.Record) (off []string) {
	for _, t := range w.targets {
		state, err := t.Observe(context.Background(), target.Order{})
		if err != nil {
			return []string{err.Error()}
		}
		for _, u := range state.Units {
			if r.Live != nil && (u.Digest != r.Live.Digest || u.Condition != target.Serving) {
				off = append(off, u.Name)
			}
		}
	}
	return off
}

// checkQuiet checks what must hold when nothing happens any more.
func (w *world) checkQuiet() (broken []string) {
	r := w.store.last()
	if r.Open != nil {
		return []string{fmt.Sprintf("(i) everything comes to an end: %s is open still, waiting for %v", r.Open.ID, r.Waiting)}
	}
	if off := w.off(r); len(off) > 0 {
		broken = append(broken, fmt.Sprintf("(c) every unit runs what is live: %v do not run %s", off, r.Live.ID))
	}
	next := w.eligible(r)
	if next == "" || r.Stop != nil || r.Wanted != nil { // a wish goes first, and waits for CI
		return broken
	}
	if w.branch.descends(next, r.Live.Revision) {
		return broken
	}
	reason := w.deployers[len(w.deployers)-1].explain(next)
	return append(broken, fmt.Sprintf("(i) no change is lost: %s passed and is not live: %s", name(next), reason))
}

func (d *deployer) explain(revision string) string {
	reason, err := d.engine.Explain(context.Background(), revision)
	if err != nil {
		return err.Error()
	}
	return reason.Sentence
}

// eligible is the change that the rule wants live, found in another way than by
// Decide.
func (w *world) eligible(r pipeline.Record) string {
	changes, err := w.branch.Changes(context.Background(), "")
	if err != nil || r.Live == nil {
		return ""
	}
	on := slices.ContainsFunc(changes, func(c pipeline.Change) bool { return c.Revision == r.Live.Revision })
	for _, c := range changes {
		excluded := slices.ContainsFunc(r.Excluded, func(e pipeline.Excluded) bool { return e.Revision == c.Revision })
		parked := slices.IndexFunc(r.Parked, func(p pipeline.Parked) bool { return p.Revision == c.Revision })
		switch {
		case !on || c.Revision == r.Live.Revision:
			return ""
		case r.Floor != "" && !w.branch.descends(r.Floor, c.Revision):
			return ""
		case w.branch.verdict(c.Revision) != pipeline.Passed || excluded:
		case parked >= 0 && !r.Parked[parked].Build:
			return ""
		case parked < 0:
			return c.Revision
		}
	}
	return ""
}

// fix pushes a good change on top of what is live, and resumes from it until it
// ships: what a person does in the end.
func (w *world) fix() string {
	on := w.branch.tip()
	if r := w.store.last(); r.Live != nil && !w.branch.descends(r.Live.Revision, on) {
		on = r.Live.Revision // the branch is put back to where what is live is
	}
	revision := w.branch.push(on)
	w.mu.Lock()
	w.artifact[buildDigest(revision)] = append(w.artifact[buildDigest(revision)], revision)
	w.mu.Unlock()
	w.note("push the fix %s on %s", name(revision), name(on))
	w.judge(revision, pipeline.Passed)
	for range 3 {
		if r := w.store.last(); r.Wanted != nil {
			w.ask(func(a pipeline.Asked) pipeline.Request { return pipeline.Abort{Asked: a, Deploy: r.Wanted.ID} })
		}
		if r := w.store.last(); r.Stop != nil {
			w.ask(func(a pipeline.Asked) pipeline.Request {
				return pipeline.Resume{Asked: a, Stop: r.Stop.ID, From: revision}
			})
		}
		if w.settle() && w.store.last().Stop == nil {
			break
		}
	}
	return revision
}

// checkFixed checks that the fix went live.
func (w *world) checkFixed(revision string) (broken []string) {
	broken = w.checkQuiet()
	r := w.store.last()
	if r.Live == nil || r.Live.Revision != revision {
		reason := w.deployers[len(w.deployers)-1].explain(revision)
		broken = append(broken, fmt.Sprintf("(i) no change is lost: the fix %s is not live: %s", name(revision), reason))
	}
	return broken
}
