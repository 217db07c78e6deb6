package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

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
