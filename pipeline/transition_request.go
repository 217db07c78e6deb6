package pipeline

import (
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// apply makes the transition that a person asks for and remembers the request's
// id. A request that was applied before changes nothing and is no error.
func (r *Record) apply(q Request, now time.Time) error {
	id := q.meta().ID
	if r.applied(id) {
		return nil
	}
	var err error
	switch q := q.(type) {
	case PlaceHold:
		r.Holds = append(slices.DeleteFunc(r.Holds, expired(now)), q.hold(r.Name, now))
	case LiftHold:
		err = r.lift(q.Hold)
	case Ship:
		err = r.want(q, now)
	case Rollback:
		err = r.rollback(q.Asked, q.From, q.To, now)
	case Resume:
		err = r.resume(q)
	case Abort:
		err = r.abort(q)
	case Answer:
		err = r.answer(q)
	}
	if err != nil {
		return err
	}
	r.Requests = remember(r.Requests, id, now)
	return nil
}

// remember adds an id and forgets those that are old enough and too many.
func remember(all []Applied, id string, now time.Time) []Applied {
	all = append(all, Applied{ID: id, At: now})
	for len(all) > keepRequests && now.Sub(all[0].At) > requestMemory || len(all) > maxRequests {
		all = all[1:]
	}
	return all
}

// maxRequests bounds what is remembered of a day with very many requests.
const maxRequests = 400

// hold returns the hold that is asked for, of the pipeline of that name unless it
// has a scope of its own.
func (q PlaceHold) hold(pipeline string, now time.Time) lock.Hold {
	h := lock.Hold{ID: q.ID, Scope: q.Scope, Level: q.Level, By: q.By, Reason: q.Reason, Since: now, Until: q.Until}
	if h.Scope == "" {
		h.Scope = lock.Pipeline(pipeline)
	}
	if h.Level == "" {
		h.Level = lock.Deploys
	}
	return h
}

// lift removes the hold of that id and no other.
func (r *Record) lift(id string) error {
	i := slices.IndexFunc(r.Holds, func(h lock.Hold) bool { return h.ID == id })
	if i < 0 {
		return refuse(Outdated, "there is no hold %q: it may have been lifted, or have ended", id)
	}
	r.Holds = slices.Delete(r.Holds, i, i+1)
	if w := r.Waiting; w != nil && w.Hold != nil && w.Hold.ID == id {
		r.Waiting = &Reason{Code: CodeWaiting, Sentence: "a hold was lifted, and no deployer has looked since"}
	}
	return nil
}

// want records the deploy that is asked for. A later one takes the place of one
// that has not begun.
func (r *Record) want(q Ship, now time.Time) error {
	switch {
	case r.Stop != nil:
		return refuse(Impossible, "the pipeline is stopped (%s): a deploy by hand does not go past a stop; resume first", r.Stop.ID)
	case r.excluded(q.Revision):
		return refuse(Impossible, "%s is quarantined: it was rolled back", short(q.Revision))
	case shippedIn(r, q.Revision) != "":
		return refuse(Impossible, "%s is live already, or older than what is live: only a rollback goes back", short(q.Revision))
	case r.Open != nil && r.Open.To.Revision == q.Revision:
		return refuse(Outdated, "%s is being deployed already, as %s", short(q.Revision), r.Open.ID)
	}
	if w := r.Wanted; w != nil {
		r.Releases++
		r.Ended = append(r.Ended, w.ended(r.Releases, Superseded, "another deploy was asked for", now))
	}
	r.Wanted = &Wanted{Asked: q.Asked, Revision: q.Revision, Override: Override{Holds: q.Holds, Unjudged: q.Unjudged}, At: now}
	return nil
}

// resume ends the stop that is named, from the commit that is named.
func (r *Record) resume(q Resume) error {
	switch {
	case r.Stop == nil:
		return refuse(Outdated, "the pipeline is not stopped: there is nothing to resume")
	case r.Stop.ID != q.Stop:
		return refuse(Outdated, "the pipeline is stopped by %s, not by %s: look again before you resume", r.Stop.ID, q.Stop)
	case r.Open != nil:
		return refuse(Impossible, "the rollback %s is still under way: resume when it has ended", r.Open.ID)
	case r.excluded(q.From):
		return refuse(Impossible, "%s is quarantined: name a commit that has the fix", short(q.From))
	}
	r.Stop, r.Floor, r.Waiting = nil, q.From, nil
	return nil
}

// abort marks the open deploy that is named; the deployer ends it.
func (r *Record) abort(q Abort) error {
	o := r.Open
	switch {
	case o == nil || o.ID != q.Deploy:
		if w := r.Wanted; w != nil && w.ID == q.Deploy {
			r.Wanted = nil
			return nil
		}
		return refuse(Outdated, "the deploy %s is not under way: it may have ended", q.Deploy)
	case o.Kind == KindRollback:
		return refuse(Impossible, "%s is a rollback: it cannot be aborted", q.Deploy)
	case o.Abort != nil:
		return refuse(Outdated, "the deploy %s is being aborted already by %s", q.Deploy, o.Abort.By)
	}
	asked := q.Asked
	o.Abort = &asked
	return nil
}

// answer says what became of a hook.
func (r *Record) answer(q Answer) error {
	o, err := r.deploy(q.Deploy)
	if err != nil {
		return refuse(Outdated, "the deploy %s is not under way: it may have ended", q.Deploy)
	}
	for _, s := range o.Stages {
		if s.Hooks[q.Hook] != HookBegun {
			continue
		}
		if q.Done {
			s.Hooks[q.Hook] = HookDone
		} else {
			delete(s.Hooks, q.Hook)
		}
		return nil
	}
	return refuse(Outdated, "no hook %q of %s waits for an answer", q.Hook, q.Deploy)
}
