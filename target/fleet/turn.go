package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/target"
)

// turn takes one host through its steps: read, drain, activate, confirm, register.
func (f *Fleet) turn(ctx context.Context, o target.Order, h Host, early *reading) result {
	o = onHost(o, h)
	u, _ := f.fresh(ctx, h, early)
	switch {
	case u.Condition == target.Unknown:
		return result{unit: u, gone: f.left(ctx, h), err: fmt.Errorf("out of reach: %s", u.Problem)}
	case u.Number > o.Number:
		return result{unit: u, err: fmt.Errorf("order %d, seen %d: %w", o.Number, u.Number, target.ErrStale)}
	}
	if !on(u, o) {
		tell(o, "drain")
		if err := f.drain(ctx, h); err != nil {
			return f.giveUp(ctx, h, fmt.Errorf("drain: %w", err))
		}
	}
	if err := f.activate(ctx, o, h); err != nil {
		return f.giveUp(ctx, h, err)
	}
	tell(o, "confirm")
	if err := f.confirm(ctx, h, o.Release.Digest); err != nil {
		if ctx.Err() != nil {
			return f.giveUp(ctx, h, err) // the order was ended, the host may be well
		}
		return result{unit: f.readLate(ctx, h), shunned: true, err: err}
	}
	u = target.Unit{Name: h.Name, Condition: target.Serving, Digest: o.Release.Digest, Number: o.Number}
	if err := f.register(ctx, h); err != nil {
		return result{unit: u, shunned: true, err: err}
	}
	return result{unit: u}
}

// activate switches the host. What happened is read from the host if the answer
// was lost.
func (f *Fleet) activate(ctx context.Context, o target.Order, h Host) error {
	limited, cancel := context.WithTimeout(ctx, f.c.ActivateLimit)
	defer cancel()
	tell(o, "switch")
	err := h.Target.Activate(limited, o)
	if err == nil || ctx.Err() != nil || errors.Is(err, target.ErrStale) || errors.Is(err, target.ErrUnprepared) {
		return err
	}
	if u, _ := f.read(ctx, h, target.Order{}); on(u, o) && u.Number == o.Number {
		return nil
	}
	return err
}

// giveUp ends a turn that failed: a host that put itself back and serves is put back
// into service; one that does not stays out. One that refused the order belongs to
// whoever gave the newer one: it is read, and nothing else.
func (f *Fleet) giveUp(ctx context.Context, h Host, err error) result {
	u := f.readLate(ctx, h)
	res := result{unit: u, shunned: true, err: err}
	switch {
	case u.Condition == target.Unknown:
		res.gone = f.left(ctx, h)
	case u.Condition == target.Serving && !errors.Is(err, target.ErrStale):
		late, cancel := f.late(ctx)
		defer cancel()
		again := f.register(late, h)
		res.shunned = again != nil
		res.err = errors.Join(err, again)
	}
	return res
}

func (f *Fleet) drain(ctx context.Context, h Host) error {
	ctx, cancel := context.WithTimeout(ctx, f.c.DrainLimit)
	defer cancel()
	return f.c.Balancer.Deregister(ctx, h)
}

func (f *Fleet) register(ctx context.Context, h Host) error {
	ctx, cancel := context.WithTimeout(ctx, f.c.RegisterLimit)
	defer cancel()
	if err := f.c.Balancer.Register(ctx, h); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	return nil
}

// late is a short context for what has to be done after the order's has ended.
func (f *Fleet) late(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), f.c.CleanupLimit)
}

func (f *Fleet) readLate(ctx context.Context, h Host) target.Unit {
	ctx, cancel := f.late(ctx)
	defer cancel()
	u, _ := f.read(ctx, h, target.Order{})
	return u
}

// left asks whether a host that does not answer is a member at all, still.
func (f *Fleet) left(ctx context.Context, h Host) bool {
	ctx, cancel := f.late(ctx)
	defer cancel()
	hosts, err := f.members(ctx)
	return err == nil && !slices.ContainsFunc(hosts, func(o Host) bool { return o.Name == h.Name })
}

// confirm wants a number of healthy answers in a row that name the release.
func (f *Fleet) confirm(ctx context.Context, h Host, digest string) error {
	ctx, cancel := context.WithTimeout(ctx, f.c.ConfirmLimit)
	defer cancel()
	var last error
	for row := 0; ; {
		err := f.look(ctx, h, digest)
		if err == nil {
			if row++; row == f.c.Probes {
				return nil
			}
		} else {
			row = 0
		}
		if err != nil && (ctx.Err() == nil || last == nil) {
			last = err // but not what the end of ctx made of it
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("confirm: no %d healthy answers in a row: %w", f.c.Probes, errors.Join(ctx.Err(), last))
		case <-time.After(f.c.Interval):
		}
	}
}

// look checks a host once.
func (f *Fleet) look(ctx context.Context, h Host, digest string) error {
	if f.c.Check != nil {
		return f.c.Check(ctx, h, digest)
	}
	u, _ := f.read(ctx, h, target.Order{})
	if u.Condition == target.Serving && u.Digest == digest {
		return nil
	}
	return fmt.Errorf("it is not serving the release, but %q (%s)", u.Digest, u.Problem)
}
