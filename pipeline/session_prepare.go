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

// longest is the longest limit of all stages.
func (s *session) longest() time.Duration {
	var limit time.Duration
	for _, st := range s.e.c.Stages {
		limit = max(limit, st.Limit)
	}
	return limit
}

// report passes a target's news on to the observers.
func (s *session) report(deploy, stage, name string) func(target.Progress) {
	return func(p target.Progress) {
		s.e.tell(Event{Kind: EventProgress, Deploy: deploy, Stage: stage, Target: name, Progress: &p, Message: p.Message})
	}
}
