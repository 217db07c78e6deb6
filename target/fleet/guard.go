package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/target"
)

// readAll reads every member that is not under way, without a fence, or takes an early
// reading for it.
func (r *rollout) readAll(ctx context.Context, early map[string]*reading) error {
	var idle []*member
	var hosts []Host
	for _, m := range r.members {
		if !m.out && !m.gone {
			idle, hosts = append(idle, m), append(hosts, m.Host)
		}
	}
	units, times := make([]target.Unit, len(hosts)), make([]time.Time, len(hosts))
	err := r.f.each(ctx, hosts, func(ctx context.Context, i int, h Host) error {
		units[i], times[i] = r.f.fresh(ctx, h, early[h.Name])
		return nil
	})
	if err != nil {
		return err
	}
	for i, m := range idle {
		m.last, m.read = units[i], times[i]
	}
	r.count()
	return nil
}

// refuse stops an order that a host says is overtaken.
func (r *rollout) refuse() {
	for _, m := range r.members {
		if m.last.Number > r.o.Number && !m.out {
			m.err = unitError(m.Host, fmt.Errorf("order %d, seen %d: %w", r.o.Number, m.last.Number, target.ErrStale))
			r.stop("overtaken by a newer order", nil)
		}
	}
}

// guard looks at the whole fleet before a batch, where hosts have to stay in service.
func (r *rollout) guard(ctx context.Context) {
	if r.floor == 0 {
		return // each host is read anyway before it is touched
	}
	if r.census(ctx) {
		return
	}
	if err := r.readAll(ctx, nil); err != nil {
		r.ended(ctx)
		return
	}
	r.refuse()
}

// census asks who is in service, all at once, if there is somebody to ask.
func (r *rollout) census(ctx context.Context) bool {
	if r.f.c.InService == nil {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, r.f.c.ObserveLimit)
	defer cancel()
	in, err := r.f.c.InService(ctx)
	if err != nil {
		return false
	}
	for _, m := range r.members {
		if !m.out {
			m.idle = !in[m.Name]
		}
	}
	r.count()
	return true
}

// count counts the members in service.
func (r *rollout) count() {
	r.up = 0
	for _, m := range r.members {
		if m.inService() {
			r.up++
		}
	}
}

// errDiffers is how a host that was read to be on the release says that it is not.
var errDiffers = errors.New("fleet: host is not on the release any more")

// raise lifts the fence of the hosts that are on the release, and registers them:
// a deployer that died may have left them out of the balancer.
func (r *rollout) raise(ctx context.Context) {
	var idle []*member
	var hosts []Host
	for _, m := range r.members {
		if on(m.last, r.o) {
			idle, hosts = append(idle, m), append(hosts, m.Host)
		}
	}
	errs := make([]error, len(hosts))
	err := r.f.each(ctx, hosts, func(ctx context.Context, i int, h Host) error {
		errs[i] = r.f.touch(ctx, r.o, h)
		return nil
	})
	if err != nil {
		r.ended(ctx)
	}
	for i, m := range idle {
		switch err := errs[i]; {
		case errors.Is(err, errDiffers):
			m.last.Condition = target.Unhealthy // it is switched like the others
		case errors.Is(err, target.ErrStale):
			m.err = unitError(m.Host, err)
			r.stop("overtaken by a newer order", nil)
		case err != nil && !r.ended(ctx):
			r.fail(m, err)
		}
	}
	r.count()
}

// touch raises the fence of one host that is on the release, without switching it. A
// check of one's own is asked before the host is put into service: the deployer that
// switched it may have died, or given up, before it had passed.
func (f *Fleet) touch(ctx context.Context, o target.Order, h Host) error {
	o = onHost(o, h)
	o.Begin = func(context.Context, target.Step) error { return errDiffers }
	limited, cancel := context.WithTimeout(ctx, f.c.ActivateLimit)
	defer cancel()
	if err := h.Target.Activate(limited, o); err != nil {
		return err
	}
	if f.c.Check != nil {
		if err := f.confirm(ctx, h, o.Release.Digest); err != nil {
			return err
		}
	}
	return f.register(ctx, h)
}
