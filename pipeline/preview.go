package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// Plan says what the engine would do now, without doing it.
func (e *Engine) Plan(ctx context.Context) (Plan, error) {
	r, _, err := e.load(ctx)
	if errors.Is(err, ErrNoPipeline) {
		r, err = Record{Schema: Schema, Name: e.c.Name}, nil
	}
	if err != nil {
		return Plan{}, err
	}
	d := Decide(e.glance(ctx, r))
	p := Plan{Reason: d.Reason, Go: d.Go, Change: d.Change, Batch: d.Batch}
	if d.Change == nil {
		return p, nil
	}
	to := target.Release{ID: fmt.Sprintf("%d-%s", r.Releases+1, d.Change.Short()), Revision: d.Change.Revision}
	for _, st := range e.c.Stages {
		planned := PlannedStage{Name: st.Name}
		for _, h := range st.Before {
			planned.Hooks = append(planned.Hooks, h.Name)
		}
		for _, k := range st.Verify {
			planned.Checks = append(planned.Checks, k.Name)
		}
		for _, t := range st.Targets {
			planned.Targets = append(planned.Targets, planTarget(ctx, t, to, r))
		}
		p.Stages = append(p.Stages, planned)
	}
	return p, nil
}

// planTarget asks a target which steps it would take.
func planTarget(ctx context.Context, t target.Target, to target.Release, r Record) PlannedTarget {
	planned := PlannedTarget{Name: t.Name()}
	planner, ok := target.As[target.Planner](t)
	if !ok {
		planned.Problem = "this target does not plan"
		return planned
	}
	steps, err := planner.Plan(ctx, target.Order{Release: to, Epoch: r.Epoch, Number: r.Number + 1, Intent: target.Forward})
	planned.Steps = steps
	if err != nil {
		planned.Problem = err.Error()
	}
	return planned
}

// Adopt records what the targets run already as the first release, so that the
// first deploy has a way back. All units must agree on one digest, of which they
// say that it serves. The revision is what that was built from.
func (e *Engine) Adopt(ctx context.Context, revision, by string) error {
	lease, err := lock.Acquire(ctx, e.store, e.c.Lease, lock.Options{Holder: e.c.Holder, Duration: e.c.LeaseDuration})
	if err != nil {
		return err
	}
	defer (&crew{engines: []*Engine{e}}).release(ctx, lease)
	s := newSession(lease.Context(), ctx, e)
	if err := s.claim(lease); err != nil {
		return err
	}
	digest, err := s.agreed(ctx)
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	_, err = s.swap(func(r *Record) error { return r.adopt(revision, digest, by, time.Now()) })
	return err
}

// agreed is the digest that every unit serves.
func (s *session) agreed(ctx context.Context) (digest string, err error) {
	var errs []error
	for _, t := range s.targets() {
		state, err := t.Observe(ctx, target.Order{})
		errs = append(errs, named(t, err))
		for _, u := range state.Units {
			switch {
			case u.Condition != target.Serving:
				errs = append(errs, fmt.Errorf("%s: %s: %s", t.Name(), u.Name, describe(u)))
			case digest != "" && u.Digest != digest:
				errs = append(errs, fmt.Errorf("%s: %s serves %s, others serve %s", t.Name(), u.Name, u.Digest, digest))
			default:
				digest = u.Digest
			}
		}
	}
	if digest == "" && errors.Join(errs...) == nil {
		errs = append(errs, errors.New("there are no units"))
	}
	return digest, errors.Join(errs...)
}

// adopt records what runs already as the first release.
func (r *Record) adopt(revision, digest, by string, now time.Time) error {
	if r.Live != nil || r.Open != nil {
		return refuse(Impossible, "this pipeline has deployed already: only a new one adopts what runs")
	}
	r.Releases++
	release := target.Release{ID: fmt.Sprintf("%d-%s", r.Releases, short(revision)), Revision: revision, Digest: digest}
	r.Live = &release
	r.Served = append(r.Served, Served{Release: release, Batch: []string{revision}, At: now})
	r.Ended = append(r.Ended, Deploy{ID: release.ID, Kind: KindDeploy, End: Unchanged, To: release,
		By: by, Why: "adopted: it ran already", Batch: []string{revision}, Began: now, Ended: now})
	return nil
}
