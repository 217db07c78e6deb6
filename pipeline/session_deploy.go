package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// advance takes the open deploy one step further. The order of the steps is the
// order of this function.
func (s *session) advance(r Record) (rest, error) {
	o := r.Open
	if o.Abort != nil {
		why := fmt.Sprintf("aborted by %s: %s", o.Abort.By, o.Abort.Reason)
		return again, s.giveUp(r, Aborted, why, true, true)
	}
	if s.red(o) {
		return again, s.giveUp(r, FailedEnd, "CI's verdict turned red", false, false)
	}
	if len(o.begun()) == 0 {
		if newer := s.newerReady(r); newer != "" {
			return again, s.giveUp(r, Superseded, "a newer change, "+short(newer)+", was ready first", false, false)
		}
	}
	switch {
	case o.To.Digest == "":
		return s.build(r)
	case r.Live != nil && r.Live.Digest == o.To.Digest:
		return again, s.declare(r, Unchanged)
	case !o.Prepared:
		return s.prepare(r)
	}
	for _, st := range s.e.c.Stages {
		if p := o.stage(st.Name); !p.Done {
			return s.stage(r, st, p)
		}
	}
	return again, s.declare(r, Live)
}

// red reports whether CI took its verdict back.
func (s *session) red(o *Attempt) bool {
	return !o.Override.Unjudged && s.e.verdict.one(s.ctx, s.e.c.CI, o.To.Revision) == Failed
}

// newerReady returns a newer change that passed and is built already, or nothing.
// Only such a one supersedes, so that a busy branch does not starve.
func (s *session) newerReady(r Record) string {
	if r.Open.By != "" {
		return "" // a person asked for this one
	}
	snap := s.e.snapshot(s.ctx, r)
	open := snap.Record.Open
	snap.Record.Open = nil
	d := Decide(snap)
	snap.Record.Open = open
	s.buildAhead(snap, d)
	if d.Change == nil || !d.Go || d.Change.Revision == open.To.Revision {
		return ""
	}
	j := judge(snap)
	if j.index(d.Change.Revision) < j.index(open.To.Revision) && s.ahead.ready(d.Change.Revision) {
		return d.Change.Revision
	}
	return ""
}

// build waits for the artifact of the open deploy and names it in the record.
func (s *session) build(r Record) (rest, error) {
	o := r.Open
	task := s.ahead.get(o.To.Revision)
	select {
	case <-task.done:
	default:
		return rest{wait: s.e.c.Poll}, nil // the end of the build is news
	}
	_, _ = s.log.Write(task.log.take())
	if err := task.err; err != nil {
		s.ahead.forget(o.To.Revision)
		if later, ok := s.tryLater("build", err); ok {
			return later, nil
		}
		return again, s.giveUp(r, FailedEnd, "build: "+err.Error(), true, false)
	}
	s.log.say("built %s", task.artifact.Digest)
	_, err := s.swap(func(r *Record) error { return r.built(o.ID, task.artifact.Digest) })
	return again, err
}

// artifact opens the artifact of a release.
func (s *session) artifact(ctx context.Context, release target.Release) (*build.Artifact, error) {
	a, err := s.e.c.Builds.Open(ctx, release.Digest)
	if err != nil {
		return nil, fmt.Errorf("open artifact of %s: %w", release.ID, err)
	}
	return a, nil
}

// prepare brings the release to every target. Nothing becomes visible.
func (s *session) prepare(r Record) (rest, error) {
	o := r.Open
	if err := s.ready(s.targets()...); err != nil {
		return again, err
	}
	err := s.do(work{open: o.ID, limit: s.longest()}, func(ctx context.Context) error {
		a, err := s.artifact(ctx, o.To)
		if err != nil {
			return err
		}
		return s.prepareAll(ctx, o, a, s.targets(), target.Forward)
	})
	if err != nil {
		return s.failed(o.ID, "prepare", err)
	}
	s.e.tell(Event{Kind: EventPrepared, Deploy: o.ID, Message: o.ID + " is prepared on every target"})
	_, err = s.swap(func(r *Record) error { return r.prepared(o.ID) })
	return again, err
}

// errSilent says that a target could not be asked what its units run.
var errSilent = errors.New("it does not answer")

// longest is the longest limit of all stages.
func (s *session) longest() time.Duration {
	var limit time.Duration
	for _, st := range s.e.c.Stages {
		limit = max(limit, st.Limit)
	}
	return limit
}

// ready makes sure that targets are fenced before anything is done to them.
func (s *session) ready(targets ...target.Target) error {
	if err := s.fence(targets...); err != nil {
		return err
	}
	for _, t := range targets {
		if !s.fenced[t.Name()] {
			return named(t, fmt.Errorf("%w: nothing is done to it before its units were read", errSilent))
		}
	}
	return nil
}

// prepareAll prepares several targets at once, each under a number of its own.
func (s *session) prepareAll(ctx context.Context, o *Attempt, a *build.Artifact, targets []target.Target, intent target.Intent) error {
	r, err := s.swap(func(r *Record) error { r.order(len(targets)); return nil })
	if err != nil {
		return err
	}
	errs := make([]error, len(targets))
	var g errgroup.Group
	for i, t := range targets {
		order := s.order(r, o.To, intent, r.Number-uint64(i))
		order.Report = s.report(o.ID, "", t.Name())
		g.Go(func() error { errs[i] = named(t, s.prepareOne(ctx, t, order, a)); return nil })
	}
	_ = g.Wait() // the errors are in errs
	return errors.Join(errs...)
}

// prepareOne prepares one target. Units that fail are forgiven within its budget.
func (s *session) prepareOne(ctx context.Context, t target.Target, order target.Order, a *build.Artifact) error {
	err := t.Prepare(ctx, order, a)
	if err == nil || !forgiven(ctx, t, err) {
		return err
	}
	s.log.say("%s: some units could not be prepared, within the budget: %v", t.Name(), err)
	s.e.tell(Event{Kind: EventProblem, Target: t.Name(), Message: err.Error()})
	return nil
}

// named puts the target's name before its error.
func named(t target.Target, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("target %s: %w", t.Name(), err)
}

// order makes an order of a release. What it keeps is what may be gone back to.
func (s *session) order(r Record, release target.Release, intent target.Intent, number uint64) target.Order {
	return target.Order{
		Release: release, Epoch: s.epoch, Number: number, Intent: intent,
		Keep: r.keep(s.e.c.Retain),
	}
}

// keep lists the digests that must stay prepared: what is live, what is on its
// way, and the releases to go back to.
func (r *Record) keep(retain int) []string {
	var all []string
	seen := map[string]bool{"": true}
	add := func(releases ...*target.Release) {
		for _, release := range releases {
			if release != nil && !seen[release.Digest] {
				seen[release.Digest] = true
				all = append(all, release.Digest)
			}
		}
	}
	add(r.Live)
	if r.Open != nil {
		add(&r.Open.To, r.Open.From)
	}
	held := len(all)
	for i := len(r.Served) - 1; i >= 0 && len(all)-held < retain; i-- {
		if !r.excluded(r.Served[i].Revision) {
			add(&r.Served[i].Release)
		}
	}
	return all
}

// report passes a target's news on to the observers.
func (s *session) report(deploy, stage, name string) func(target.Progress) {
	return func(p target.Progress) {
		s.e.tell(Event{Kind: EventProgress, Deploy: deploy, Stage: stage, Target: name, Progress: &p, Message: p.Message})
	}
}

// declare ends the open deploy as live, and makes the next convergence go to every
// unit: it also writes what booting hosts read.
func (s *session) declare(r Record, end End) error {
	id := r.Open.ID
	s.log.say("%s is %s", id, end)
	s.force, s.next = true, time.Time{} // before the swap: its answer may be lost
	r, err := s.swap(func(r *Record) error { return r.live(id, end, time.Now()) })
	if err != nil {
		return err
	}
	s.tellEnded(r, id)
	return nil
}

// failed judges the error of a step of a deploy: whether it is to be looked at
// again, tried later, or the end of the deploy.
func (s *session) failed(id, what string, err error) (rest, error) {
	var p *pausedError
	switch {
	case errors.Is(err, errOvertaken), errors.Is(err, errHandover), s.ctx.Err() != nil:
		return again, errOvertakenBy(err)
	case errors.As(err, &p):
		return again, nil
	case errors.Is(err, errRed):
		return again, nil
	case errors.Is(err, target.ErrStale):
		clear(s.fenced) // a unit has seen more than the record: take up its number
		return again, err
	}
	if later, ok := s.tryLater(what, err); ok {
		return later, nil
	}
	r, loadErr := s.load()
	if loadErr != nil {
		return again, loadErr
	}
	if r.Open == nil || r.Open.ID != id || r.Open.Kind != KindDeploy {
		return again, nil
	}
	return again, s.giveUp(r, FailedEnd, fmt.Sprintf("%s: %v", what, err), true, false)
}

// errOvertakenBy keeps the error of a lost lease and makes all others one that is
// looked at again.
func errOvertakenBy(err error) error {
	if fatal(err) {
		return err
	}
	return nil
}
