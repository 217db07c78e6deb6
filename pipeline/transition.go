package pipeline

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/target"
)

// The transitions of a record. Each changes the record that it is given, in
// memory; the caller swaps it in, or throws it away when the transition refuses.
// A transition may be applied to a record that holds its outcome already, because
// an answer was lost: it then refuses or changes nothing.

var (
	// errOvertaken says that the record is no longer this deployer's, or that what
	// it works on is no longer open.
	errOvertaken = errors.New("pipeline: overtaken")

	// errBusy says that something is open.
	errBusy = errors.New("pipeline: a deploy or a rollback is open")

	// errNoWayBack says that no release was live before that could be gone back to.
	errNoWayBack = errors.New("pipeline: there is nothing to go back to")
)

// claim makes the record that of a new lease.
func (r *Record) claim(lease string, grant uint64, holder string) error {
	if r.Lease == lease && grant <= r.Grant {
		return fmt.Errorf("claim record: %w by grant %d of the lease, this is grant %d", errOvertaken, r.Grant, grant)
	}
	r.Lease, r.Grant, r.Holder = lease, grant, holder
	r.Epoch++
	return nil
}

// order takes n numbers and returns the first.
func (r *Record) order(n int) uint64 {
	first := r.Number + 1
	r.Number += uint64(n)
	return first
}

// begin opens the deploy of a decision. The caller has judged holds and the branch.
func (r *Record) begin(d Decision, now time.Time) error {
	if r.Open != nil || r.Stop != nil {
		return errBusy
	}
	if len(r.Ended) >= maxEnded {
		return fmt.Errorf("begin deploy: %d deploys have ended that the history could not take up", len(r.Ended))
	}
	o := &Attempt{
		Kind: KindDeploy, From: r.Live, Began: now,
		Subject: cut(d.Change.Subject, maxText), Committed: d.Change.Time,
	}
	for _, c := range d.Batch[:min(len(d.Batch), keepBatch)] {
		o.Batch = append(o.Batch, c.Revision)
	}
	if w := r.Wanted; w != nil && w.Revision == d.Change.Revision {
		o.By, o.Reason, o.Override = w.By, w.Reason, w.Override
		r.Wanted = nil
	}
	r.Releases++
	o.ID = fmt.Sprintf("%d-%s", r.Releases, short(d.Change.Revision))
	o.To = target.Release{ID: o.ID, Revision: d.Change.Revision}
	r.Open, r.Waiting = o, nil
	r.unpark(d.Change.Revision)
	return nil
}

// deploy returns the open deploy of that id, or errOvertaken.
func (r *Record) deploy(id string) (*Attempt, error) {
	if r.Open == nil || r.Open.ID != id || r.Open.Kind != KindDeploy {
		return nil, errOvertaken
	}
	return r.Open, nil
}

// built names the artifact of the open deploy.
func (r *Record) built(id, digest string) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	o.To.Digest = digest
	return nil
}

// prepared says that every target holds the release of the open deploy.
func (r *Record) prepared(id string) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	o.Prepared = true
	return nil
}

// hook says how far a hook of the open deploy is. A begun one does not begin again
// unless it may be repeated.
func (r *Record) hook(id, stage, name string, state HookState, repeatable bool) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	p := o.touch(stage)
	if p.Hooks == nil {
		p.Hooks = map[string]HookState{}
	}
	if state == HookBegun && p.Hooks[name] != "" && !repeatable {
		return fmt.Errorf("begin hook %s: %w", name, errUncertain)
	}
	p.Hooks[name] = state
	return nil
}

// errUncertain says that it is not known whether a hook did its work.
var errUncertain = errors.New("it was begun before, and its end is not known")

// batch says that a step of a target begins. It is the last thing before the units
// of the step are touched.
func (r *Record) batch(id, stage, name string, s target.Step) error {
	if r.Open == nil || r.Open.ID != id {
		return errOvertaken
	}
	if r.Open.Kind == KindDeploy && (r.Stop != nil || r.Open.Abort != nil) {
		return errOvertaken
	}
	p := r.Open.touch(stage)
	t := p.Targets[name]
	t.Begun += len(s.Units)
	t.Batch, t.Batches = s.Batch, max(s.Batch, s.Batches)
	t.Begun = max(t.Begun, 1)
	p.put(name, t)
	return nil
}

// activated says what became of a target: done, or the units that are not on the
// release.
func (r *Record) activated(id, stage, name string, done bool, failed []target.Unit) error {
	if r.Open == nil || r.Open.ID != id {
		return errOvertaken
	}
	p := r.Open.touch(stage)
	t := p.Targets[name]
	t.Done, t.Failed = done, trimUnits(failed)
	p.put(name, t)
	return nil
}

func (p *StageProgress) put(name string, t TargetProgress) {
	if p.Targets == nil {
		p.Targets = map[string]TargetProgress{}
	}
	p.Targets[name] = t
}

// stageAt marks how far a stage of the open deploy is.
func (r *Record) stageAt(id, stage string, mark func(*StageProgress)) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	mark(o.touch(stage))
	return nil
}

// drop ends the open deploy without having switched anything. With park set, its
// revision is not tried again.
func (r *Record) drop(id string, end End, why string, park *Parked, now time.Time) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	r.Open = nil
	r.Ended = append(r.Ended, o.ended(end, cut(why, maxText), now))
	if park != nil {
		r.park(*park)
	}
	return nil
}

// live declares the open deploy in all stages; with end Unchanged, its artifact was
// live already.
func (r *Record) live(id string, end End, now time.Time) error {
	o, err := r.deploy(id)
	if err != nil {
		return err
	}
	to := o.To
	r.Open, r.Live, r.Floor, r.Waiting = nil, &to, "", nil
	r.Served = append(r.Served, Served{Release: to, Batch: o.Batch, At: now})
	r.Ended = append(r.Ended, o.ended(end, "", now))
	return nil
}

// finish ends the open rollback, and with it the deploys that it undid.
func (r *Record) finish(id string, end End, why string, failed []target.Unit, now time.Time) error {
	if r.Open == nil || r.Open.ID != id || r.Open.Kind != KindRollback {
		return errOvertaken
	}
	o := r.Open
	r.Open = nil
	for _, undone := range o.Undone {
		undone.End, undone.Ended = end, now
		r.Ended = append(r.Ended, undone)
	}
	line := o.ended(end, cut(why, maxText), now)
	line.Failed = trimUnits(failed)
	r.Ended = append(r.Ended, line)
	return nil
}

// park keeps automation from trying a revision again.
func (r *Record) park(p Parked) {
	r.unpark(p.Revision)
	p.Reason = cut(p.Reason, maxText)
	r.Parked = append(r.Parked, p)
}

func (r *Record) unpark(revision string) {
	r.Parked = slices.DeleteFunc(r.Parked, func(p Parked) bool { return p.Revision == revision })
}

// stopItself turns automation off, because of where the branch went.
func (r *Record) stopItself(kind StopKind, reason string, now time.Time) error {
	if r.Stop != nil || r.Open != nil {
		return errBusy
	}
	r.Releases++
	r.Stop = &Stop{
		ID: fmt.Sprintf("%d-stop", r.Releases), Kind: kind, By: automation,
		Reason: cut(reason, maxText), Since: now, From: r.Live, To: r.Live,
	}
	return nil
}

// automation is who acts where nobody asked.
const automation = "muster"
