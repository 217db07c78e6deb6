package s3target

import (
	"context"
	"errors"
	"fmt"

	"github.com/muster-deploy/muster/target"
)

// Observe implements target.Target. It reads the pointer, and back what is served
// under the names of the entries and of the service workers.
func (t *Target) Observe(ctx context.Context, o target.Order) (target.State, error) {
	if err := ctx.Err(); err != nil {
		return target.State{}, err
	}
	u := target.Unit{Name: t.config.Name}
	now, err := t.load(ctx)
	var stale error
	if err == nil && o.Number > 0 {
		now, stale, err = t.fence(ctx, now, o)
	}
	if err == nil {
		u, err = t.unit(ctx, now)
	}
	if err != nil {
		u.Condition, u.Digest, u.Problem = target.Unknown, "", err.Error()
	} else if stale != nil && u.Problem == "" {
		u.Problem = stale.Error()
	}
	return target.State{Units: []target.Unit{u}}, stale
}

// fence raises the fence to an order without a release.
func (t *Target) fence(ctx context.Context, now pointer, o target.Order) (pointer, error, error) {
	o.Release = target.Release{}
	for range swaps {
		if err := now.admits(o.Number, ""); err != nil {
			return now, fmt.Errorf("observe %s: %w", t.config.Name, err), nil
		}
		if now.Number == o.Number {
			return now, nil, nil
		}
		next, err := t.swap(ctx, now, now.raised(o))
		if !errors.Is(err, errMoved) {
			return next, nil, err
		}
		if now, err = t.load(ctx); err != nil {
			return now, nil, err
		}
	}
	return now, nil, fmt.Errorf("%s changes all the time", t.url(currentName))
}

// unit says what is served.
func (t *Target) unit(ctx context.Context, now pointer) (target.Unit, error) {
	u := target.Unit{Name: t.config.Name, Digest: now.Digest, Number: now.Number, Condition: target.Vacant}
	if now.Digest == "" {
		return u, nil
	}
	u.Condition = target.Unhealthy
	if len(now.Mixed) > 0 {
		u.Problem = fmt.Sprintf("the switch to %s has not come to its end: activate it again, or another one", now.ID)
		return u, nil
	}
	live, err := t.prepared(ctx, now.Digest)
	if errors.Is(err, target.ErrUnprepared) {
		u.Problem = err.Error()
		return u, nil
	}
	if err != nil {
		return u, err
	}
	if u.Problem, err = t.inspect(ctx, live); err == nil && u.Problem == "" {
		u.Condition = target.Serving
	}
	return u, err
}
