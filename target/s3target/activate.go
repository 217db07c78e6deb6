package s3target

import (
	"context"
	"errors"
	"fmt"

	"github.com/muster-deploy/muster/target"
)

// Activate implements target.Target: it moves the pointer, which is the point of no
// return, and then projects what changed onto the public keys.
func (t *Target) Activate(ctx context.Context, o target.Order) error {
	if o.Number == 0 {
		return errors.New("activate: an order has a number above zero")
	}
	if err := t.activate(ctx, o); err != nil {
		return fmt.Errorf("activate %s: %w", o.Release.ID, err)
	}
	return nil
}

// swaps is how often Activate tries to win the pointer: whoever else writes it has a
// lower number, and does so once.
const swaps = 20

func (t *Target) activate(ctx context.Context, o target.Order) error {
	asked := false
	for range swaps {
		now, err := t.load(ctx)
		if err == nil {
			err = now.admits(o.Number, o.Release.Digest)
		}
		if err != nil {
			return t.failed(err)
		}
		next, err := t.prepared(ctx, o.Release.Digest)
		if err != nil {
			return t.failed(err)
		}
		serving, err := t.serves(ctx, now, next)
		if err != nil {
			return t.failed(err)
		}
		if !serving && !asked {
			if err := o.Ask(ctx, t.step()); err != nil {
				return err
			}
			asked = true
		}
		if err = ctx.Err(); err == nil && serving {
			err = t.raise(ctx, now, o)
		} else if err == nil {
			err = t.switchTo(ctx, now, next, o)
		}
		if !errors.Is(err, errMoved) {
			return t.failed(err)
		}
	}
	return t.failed(fmt.Errorf("%s changes all the time", t.url(currentName)))
}

// failed says of which unit an error is.
func (t *Target) failed(err error) error {
	if err == nil {
		return nil
	}
	return &target.UnitError{Unit: t.config.Name, Err: err}
}

// step is the only one that there is.
func (t *Target) step() target.Step {
	return target.Step{Batch: 1, Batches: 1, Units: []string{t.config.Name}}
}

// Plan implements target.Planner.
func (t *Target) Plan(ctx context.Context, o target.Order) ([]target.Step, error) {
	now, err := t.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("plan: %w", err)
	}
	if now.Digest == o.Release.Digest {
		next, err := t.prepared(ctx, now.Digest)
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		if serving, err := t.serves(ctx, now, next); serving || err != nil {
			return nil, err
		}
	}
	return []target.Step{t.step()}, nil
}

// raise moves the fence and nothing else.
func (t *Target) raise(ctx context.Context, now pointer, o target.Order) error {
	if now.Number == o.Number {
		return nil
	}
	_, err := t.swap(ctx, now, now.raised(o))
	return err
}

// switchTo makes a release live. What goes wrong with it puts back what was live.
func (t *Target) switchTo(ctx context.Context, now pointer, next *release, o target.Order) error {
	moved, err := t.swap(ctx, now, now.raised(o).moved(next.Release.Digest, next.Release.ID))
	if err != nil {
		return err
	}
	if err = t.project(ctx, moved, next, o); err == nil {
		t.report(o, target.Progress{Phase: "done"})
		return nil
	}
	if errors.Is(err, errMoved) {
		return err // The same order is at it as well.
	}
	t.report(o, target.Progress{Phase: "failed", Message: err.Error()})
	if ctx.Err() != nil || errors.Is(err, target.ErrStale) || now.Digest == "" || now.Digest == next.Release.Digest {
		return err // The next order finishes it; a successor is at it already; or there is no way back.
	}
	return errors.Join(err, t.putBack(ctx, now, o))
}

// putBack makes live what was, under the same order.
func (t *Target) putBack(ctx context.Context, was pointer, o target.Order) error {
	now, err := t.load(ctx)
	if err != nil {
		return fmt.Errorf("put back: %w", err)
	}
	if now.Number != o.Number {
		return fmt.Errorf("put back: %w", target.ErrStale)
	}
	back, err := t.prepared(ctx, was.Digest)
	if err != nil {
		return fmt.Errorf("put back: %w", err)
	}
	next := now.moved(was.Digest, was.ID)
	next.Previous = was.Previous
	if now, err = t.swap(ctx, now, next); err == nil {
		err = t.project(ctx, now, back, o)
	}
	if err != nil {
		return fmt.Errorf("put back %s: %w", was.ID, err)
	}
	return nil
}
