package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/muster-deploy/muster/target"
)

// rollout is one call of Activate. Its goroutine alone decides and keeps the books;
// each host under way has a goroutine that only works and sends what it came to.
type rollout struct {
	f       *Fleet
	o       target.Order
	members []*member // sorted by name
	batches []batch
	window  int // how many hosts may be under way at once
	floor   int // how many have to be in service

	queue   []*member // those of the batches that were not read ahead yet
	started int       // how many have had their turn
	ahead   int       // how many were read ahead

	under   int // hosts under way
	up      int // members in service
	results chan result
	spent   int    // failures that count against the budget
	reason  string // why nothing else is begun; empty: it goes on
	cause   error  // of the reason, where it is no host's error
}

// result is what a host's turn came to.
type result struct {
	m       *member
	canary  bool
	unit    target.Unit
	shunned bool
	gone    bool
	err     error
}

func newRollout(f *Fleet, o target.Order, hosts []Host) *rollout {
	if forward(o) {
		o.Intent = target.Forward
	}
	size := f.c.Batch
	if o.Intent == target.Backward {
		size = f.c.Wide
	}
	r := &rollout{
		f: f, o: o,
		window: size.atMost(len(hosts)),
		floor:  f.c.MinInService.atLeast(len(hosts)),
	}
	r.results = make(chan result, r.window)
	all := make([]member, len(hosts))
	for i, h := range hosts {
		all[i].Host = h
		r.members = append(r.members, &all[i])
	}
	return r
}

// Activate implements target.Target. See the package comment for the order of things;
// any error beyond a list of hosts that cannot be had is an *Error.
func (f *Fleet) Activate(ctx context.Context, o target.Order) error {
	if o.Number == 0 {
		return fmt.Errorf("activate %s on %s: order has no number", o.Release.ID, f.c.Name)
	}
	if f.c.Declare != nil && (o.Intent == target.Backward || o.Intent == target.Again) {
		if err := f.c.Declare(ctx, o); err != nil {
			return fmt.Errorf("activate %s on %s: declare to booting hosts: %w", o.Release.ID, f.c.Name, err)
		}
	}
	r, err := f.survey(ctx, o, f.seen.take(o))
	if err != nil {
		return err
	}
	if r.refuse(); !r.stopped() {
		r.raise(ctx)
	}
	if !r.stopped() {
		r.cut(ctx)
		r.announce(ctx)
		r.run(ctx)
	}
	return r.verdict()
}

// run begins one batch after the other and starts their hosts as slots become free.
// It returns when no host is under way any more.
func (r *rollout) run(ctx context.Context) {
	for i := range r.batches {
		if r.begin(ctx, i); r.stopped() {
			break
		}
		for _, m := range r.batches[i].members {
			r.readAhead(ctx)
			if !r.room(ctx, m) {
				break
			}
			r.start(ctx, m, r.batches[i].canary)
		}
	}
	r.settle(0)
	r.explain(ctx)
}

// explain puts the end of ctx before the failures that it led to: they say nothing
// about the release, and no budget forgives them.
func (r *rollout) explain(ctx context.Context) {
	failed := slices.ContainsFunc(r.members, func(m *member) bool { return m.err != nil })
	if ctx.Err() != nil && failed && r.cause == nil {
		r.reason = ""
		r.ended(ctx)
	}
}

// begin waits for the first free slot, looks at the fleet as it is then, and asks
// Begin.
func (r *rollout) begin(ctx context.Context, i int) {
	b := r.batches[i]
	if b.alone {
		r.settle(0)
	}
	r.settle(r.window - 1)
	if r.stopped() || r.ended(ctx) {
		return
	}
	if r.guard(ctx); !r.room(ctx, b.members[0]) || r.o.Begin == nil {
		return
	}
	step := r.step(i)
	if err := r.o.Begin(ctx, step); err != nil {
		r.stop(fmt.Sprintf("may not begin batch %d of %d", step.Batch, step.Batches), err)
	}
}

// start lets a host take its turn.
func (r *rollout) start(ctx context.Context, m *member, canary bool) {
	r.under++
	if m.inService() {
		r.up--
	}
	m.out = true
	early := r.due(m)
	go func() {
		res := r.f.turn(ctx, r.o, m.Host, early)
		res.m, res.canary = m, canary
		r.results <- res
	}()
}

// settle takes results until no more than so many hosts are under way.
func (r *rollout) settle(under int) {
	for r.under > under {
		r.book(<-r.results)
	}
}

// book files what a host's turn came to.
func (r *rollout) book(res result) {
	m := res.m
	r.under--
	m.out, m.last, m.shunned, m.gone, m.idle = false, res.unit, res.shunned, res.gone, false
	if m.inService() {
		r.up++
	}
	switch {
	case res.gone:
		return // neither failed nor unknown
	case res.err == nil:
		r.tell(m.Name, "done", "")
		return
	}
	r.fail(m, res.err)
	switch {
	case errors.Is(res.err, target.ErrStale):
		r.stop("overtaken by a newer order", nil)
	case res.canary:
		r.stop("canary "+m.Name+" failed", nil)
	}
}

// fail keeps what went wrong on a host, and stops the order if that was too much. A
// rollback goes on; convergence goes past hosts that did not serve before.
func (r *rollout) fail(m *member, err error) {
	m.err = unitError(m.Host, err)
	r.tell(m.Name, "failed", m.err.Error())
	if r.o.Intent == target.Backward || r.o.Intent == target.Again && !m.served {
		return
	}
	if r.spent++; r.spent > r.f.c.Budget {
		r.stop(fmt.Sprintf("%d hosts failed or were out of reach, the budget is %d", r.spent, r.f.c.Budget), nil)
	}
}

// stop keeps the first reason for which nothing else is begun.
func (r *rollout) stop(reason string, cause error) {
	if r.reason == "" {
		r.reason, r.cause = reason, cause
	}
}

func (r *rollout) stopped() bool { return r.reason != "" }

// ended stops the order if its context has ended, and keeps the cause of that.
func (r *rollout) ended(ctx context.Context) bool {
	err := ctx.Err()
	if err == nil {
		return false
	}
	if cause := context.Cause(ctx); !errors.Is(cause, err) {
		err = fmt.Errorf("%w: %w", err, cause)
	}
	r.stop("it was told to end", err)
	return true
}
