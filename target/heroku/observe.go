package heroku

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

// Observe implements target.Target. It reads the app, its releases and its dynos.
func (t *Target) Observe(ctx context.Context, o target.Order) (target.State, error) {
	u := target.Unit{Name: t.config.Name}
	on, h, d, err := t.survey(ctx)
	switch {
	case ctx.Err() != nil:
		return target.State{}, context.Cause(ctx)
	case err != nil:
		u.Problem = err.Error()
		return target.State{Units: []target.Unit{u}}, nil
	}
	var stale error
	if o.Number > 0 {
		o.Release = target.Release{}
		stale = t.raise(h, o)
	}
	u.Digest, u.Number = h.live, t.fence(h).Number
	u.Condition, u.Problem = condition(on, h, d)
	if stale != nil {
		stale = fmt.Errorf("observe %s: %w", t.config.Name, stale)
		u.Problem = stale.Error()
	}
	return target.State{Units: []target.Unit{u}}, stale
}

// survey reads all that there is to know.
func (t *Target) survey(ctx context.Context) (on platform.App, h *history, d platform.Dynos, err error) {
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) { on, err = t.api.App(inner); return err })
	group.Go(func() (err error) { h, d, err = t.look(inner, nil); return err })
	return on, h, d, group.Wait()
}

// condition judges the app. What runs before muster has released anything is not its own.
func condition(on platform.App, h *history, d platform.Dynos) (target.Condition, string) {
	if h.fence.Number == 0 {
		return target.Vacant, ""
	}
	if h.live == "" {
		return target.Unhealthy, fmt.Sprintf("v%d was not released by muster: %.60q", h.current.Version, h.current.Description)
	}
	if on.Maintenance {
		return target.Unhealthy, "the app is in maintenance mode: heroku maintenance:off ends it"
	}
	if err := d.Behind(h.current.Version); err != nil {
		return target.Unhealthy, err.Error()
	}
	return target.Serving, ""
}

// Plan implements target.Planner.
func (t *Target) Plan(ctx context.Context, o target.Order) ([]target.Step, error) {
	h, d, err := t.look(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if h.live == o.Release.Digest && d.Behind(h.current.Version) == nil {
		return nil, nil
	}
	return []target.Step{t.step()}, nil
}

func (t *Target) step() target.Step {
	return target.Step{Batch: 1, Batches: 1, Units: []string{t.config.Name}}
}
