package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/target"
)

// rollback is the one write that a rollback is: in a single swap the release to go
// back to becomes live, automation is stopped, and all that came since is
// quarantined, before any unit is touched.
func (r *Record) rollback(a Asked, from, to string, now time.Time) error {
	undo, err := r.undoable(from)
	if err != nil {
		return err
	}
	back, err := r.wayBack(undo, to)
	if err != nil {
		return err
	}
	r.Releases++
	id := fmt.Sprintf("%d-rollback", r.Releases)
	o := &Attempt{
		ID: id, Kind: KindRollback, From: &undo, To: back.Release, Began: now,
		By: a.By, Reason: cut(a.Reason, maxText),
	}
	r.undo(o)
	o.Everywhere = o.Everywhere || r.Live == nil || r.Live.ID != back.ID
	r.quarantine(id, back)
	r.forget(now)
	r.Stop = &Stop{
		ID: id, Kind: StopRollback, By: a.By, Reason: cut(a.Reason, maxText), Since: now,
		From: &undo, To: &o.To,
	}
	live := o.To
	r.Open, r.Live, r.Waiting = o, &live, nil
	return nil
}

// undoable returns the release to undo: the one on its way, or the live one.
func (r *Record) undoable(id string) (target.Release, error) {
	if r.Open != nil && r.Open.Kind == KindDeploy && r.Open.ID == id {
		return r.Open.To, nil
	}
	if r.Live != nil && r.Live.ID == id {
		return *r.Live, nil
	}
	if r.Live == nil {
		return target.Release{}, refuse(Impossible, "there is nothing to roll back: nothing was ever live")
	}
	return target.Release{}, refuse(Outdated, "%s is neither live nor on its way: %s is live; it may have been rolled back already", id, r.Live.ID)
}

// wayBack returns the release to go back to: that of the given id, or the newest
// that was live before, is not quarantined and differs from what is undone.
func (r *Record) wayBack(undo target.Release, id string) (Served, error) {
	if id != "" {
		return r.namedWayBack(undo, id)
	}
	for i := r.before(undo) - 1; i >= 0; i-- {
		s := r.Served[i]
		if !r.excluded(s.Revision) && s.Digest != undo.Digest {
			return s, nil
		}
	}
	return Served{}, fmt.Errorf("%w: %w", errNoWayBack,
		refuse(Impossible, "there is nothing to go back to: no other release was live before %s that is not quarantined", undo.ID))
}

func (r *Record) namedWayBack(undo target.Release, id string) (Served, error) {
	i := slices.IndexFunc(r.Served, func(s Served) bool { return s.ID == id })
	switch {
	case i < 0:
		return Served{}, refuse(Impossible, "%s is not among the releases that were live: see the history", id)
	case r.excluded(r.Served[i].Revision):
		return Served{}, refuse(Impossible, "%s is quarantined: it was rolled back before", id)
	case i >= r.before(undo):
		return Served{}, refuse(Impossible, "%s is not older than %s: a rollback goes back", id, undo.ID)
	case r.Served[i].Digest == undo.Digest:
		return Served{}, refuse(Impossible, "%s is the same artifact as %s: going back to it changes nothing", id, undo.ID)
	}
	return r.Served[i], nil
}

// before is the place in Served up to which releases are older than the one to undo.
func (r *Record) before(undo target.Release) int {
	i := slices.IndexFunc(r.Served, func(s Served) bool { return s.ID == undo.ID })
	if i < 0 {
		return len(r.Served)
	}
	return i
}

// undo takes what is open into the rollback: its targets, its end, and its log.
func (r *Record) undo(o *Attempt) {
	open := r.Open
	switch {
	case open == nil:
		o.Everywhere = true
	case open.Kind == KindRollback:
		o.Everywhere = true
		o.Undone = open.Undone
		r.Ended = append(r.Ended, open.ended(Superseded, "another rollback took over", o.Began))
	default:
		o.Targets = open.begun()
		why := cut(o.Reason, maxText)
		o.Undone = []Deploy{open.ended(RolledBack, why, o.Began)}
		o.Everywhere = o.From.ID != open.ID
	}
}

// quarantine excludes everything after the release to go back to, up to the newest
// that was begun anywhere.
func (r *Record) quarantine(stop string, back Served) {
	add := func(revisions ...string) {
		for _, revision := range revisions {
			if !r.excluded(revision) && !slices.Contains(back.Batch, revision) && revision != back.Revision {
				r.Excluded = append(r.Excluded, Excluded{Revision: revision, Stop: stop})
			}
		}
	}
	from := slices.IndexFunc(r.Served, func(s Served) bool { return s.ID == back.ID })
	for _, s := range r.Served[from+1:] {
		add(s.Revision)
		add(s.Batch...)
	}
	if r.Open != nil && r.Open.Kind == KindDeploy {
		add(r.Open.To.Revision)
		add(r.Open.Batch...)
	}
}

// forget ends the deploy that a person asked for: after a stop it would come as a
// surprise.
func (r *Record) forget(now time.Time) {
	if w := r.Wanted; w != nil {
		r.Wanted = nil
		r.Releases++
		r.Ended = append(r.Ended, w.ended(r.Releases, Aborted, "a rollback came first", now))
	}
}

// ended returns the line of the history for a deploy that never began.
func (w *Wanted) ended(number uint64, end End, why string, now time.Time) Deploy {
	id := fmt.Sprintf("%d-%s", number, short(w.Revision))
	return Deploy{
		ID: id, Kind: KindDeploy, End: end, To: target.Release{ID: id, Revision: w.Revision},
		By: w.By, Reason: w.Reason, Override: w.Override, Why: cut(why, maxText), Began: w.At, Ended: now,
	}
}

// refuseWanted ends the deploy that a person asked for, because it is never to be.
func (r *Record) refuseWanted(id, why string, now time.Time) error {
	if r.Wanted == nil || r.Wanted.ID != id {
		return errOvertaken
	}
	r.Releases++
	r.Ended = append(r.Ended, r.Wanted.ended(r.Releases, FailedEnd, why, now))
	r.Wanted = nil
	return nil
}

// fail ends a deploy that went wrong after something was begun: by a rollback, or,
// where there is nothing to go back to, as failed and stopped.
func (r *Record) fail(id, why string, now time.Time) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	err = r.rollback(Asked{By: automation, Reason: why}, id, "", now)
	if !errors.Is(err, errNoWayBack) {
		return err
	}
	r.Open = nil
	r.Ended = append(r.Ended, o.ended(FailedEnd, cut(why, maxText), now))
	r.Releases++
	stop := fmt.Sprintf("%d-stop", r.Releases)
	for _, revision := range append([]string{o.To.Revision}, o.Batch...) {
		if !r.excluded(revision) {
			r.Excluded = append(r.Excluded, Excluded{Revision: revision, Stop: stop})
		}
	}
	r.forget(now)
	r.Stop = &Stop{ID: stop, Kind: StopFailed, By: automation, Reason: cut(why, maxText), Since: now, From: &o.To, To: r.Live}
	return nil
}
