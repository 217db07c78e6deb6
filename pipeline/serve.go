package pipeline

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// releaseTime bounds how long giving the lease back may take.
const releaseTime = 5 * time.Second

// Run takes the lease, or waits for it, and keeps the pipeline at its rule until
// ctx ends. Then it lets the batch under way end (at most Config.Handover),
// releases the lease, so that the next deployer continues at once, and returns nil.
// It returns an error when the record is damaged or of a schema that is too new;
// nothing was written then.
func (e *Engine) Run(ctx context.Context) error { return Serve(ctx, e) }

// Settle takes the lease, or waits for it, acts until nothing is left to do, and
// releases it. It is Run for a laptop when no deployer runs: an open deploy or
// rollback is finished, unless a hold or an unanswered hook is in its way.
func (e *Engine) Settle(ctx context.Context) error {
	g := &crew{engines: []*Engine{e}, settle: true}
	stop := hear(ctx, []*Engine{e})
	defer stop()
	return g.serve(ctx)
}

// Serve runs several engines in one process until ctx ends, as Run does one.
// Engines that share a store share the reading of its bell, those that share a
// lease hold it together. It returns early when no engine can go on; the errors
// are joined.
func Serve(ctx context.Context, engines ...*Engine) error {
	stop := hear(ctx, engines)
	defer stop()
	crews := muster(engines)
	errs := make([]error, len(crews))
	var wait sync.WaitGroup
	for i, c := range crews {
		wait.Go(func() { errs[i] = c.serve(ctx) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// hear listens to the bell of each store until the returned function is called.
func hear(ctx context.Context, engines []*Engine) (stop func()) {
	// The bell is heard through the hand-over too: a rollback may come just then.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var wait sync.WaitGroup
	for _, group := range groupBy(engines, func(a, b *Engine) bool { return sameStore(a.store, b.store) }) {
		wait.Go(func() { listen(ctx, group[0].store, group) })
	}
	return func() { cancel(); wait.Wait() }
}

// muster puts the engines that share a lease together.
func muster(engines []*Engine) []*crew {
	var crews []*crew
	for _, group := range groupBy(engines, func(a, b *Engine) bool {
		return a.c.Lease == b.c.Lease && sameStore(a.store, b.store)
	}) {
		crews = append(crews, &crew{engines: group})
	}
	return crews
}

func groupBy(engines []*Engine, same func(a, b *Engine) bool) [][]*Engine {
	var groups [][]*Engine
next:
	for _, e := range engines {
		for i := range groups {
			if same(groups[i][0], e) {
				groups[i] = append(groups[i], e)
				continue next
			}
		}
		groups = append(groups, []*Engine{e})
	}
	return groups
}

// sameStore reports whether two stores are one. Stores that cannot be compared are
// taken for two.
func sameStore(a, b lock.Store) bool {
	return reflect.TypeOf(a).Comparable() && reflect.TypeOf(b).Comparable() && a == b
}

// crew is engines under one lease.
type crew struct {
	engines []*Engine
	settle  bool
}

// serve takes the lease again whenever it was lost, until ctx ends or no engine can
// go on.
func (c *crew) serve(ctx context.Context) error {
	first := c.engines[0]
	for failures := 0; ; failures++ {
		lease, err := lock.Acquire(ctx, first.store, first.c.Lease, c.options())
		if ctx.Err() != nil {
			return c.interrupted(ctx, lease)
		}
		if err == nil {
			failures = 0
			var done bool
			if done, err = c.work(ctx, lease); done {
				return err
			}
		}
		if err != nil {
			for _, e := range c.engines {
				e.tell(Event{Kind: EventProblem, Message: err.Error()})
			}
		}
		pause(ctx, backoff(failures+1))
	}
}

// options are those of the lease.
func (c *crew) options() lock.Options {
	first := c.engines[0]
	return lock.Options{
		Holder: first.c.Holder, Duration: first.c.LeaseDuration,
		Waiting: func(g lock.Grant) {
			for _, e := range c.engines {
				e.tell(Event{Kind: EventReason, Message: "waiting for " + g.Holder + ", who deploys now"})
			}
		},
	}
}

// interrupted is how serving ends when ctx has: as it should for a deployer, with
// an error for somebody who waits for a pipeline to settle.
func (c *crew) interrupted(ctx context.Context, lease *lock.Lease) error {
	if lease != nil {
		c.release(ctx, lease)
	}
	if c.settle {
		return fmt.Errorf("settle %s: %w", c.engines[0].c.Name, context.Cause(ctx))
	}
	return nil
}

func (c *crew) release(ctx context.Context, lease *lock.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := lease.Close(ctx); err != nil {
		c.engines[0].tell(Event{Kind: EventProblem, Message: "release lease: " + err.Error()})
	}
}

// work runs a session of each engine. It is done when ctx ends, when all have
// settled, or when none can go on.
func (c *crew) work(ctx context.Context, lease *lock.Lease) (done bool, err error) {
	defer c.release(ctx, lease)
	errs := make([]error, len(c.engines))
	var wait sync.WaitGroup
	for i, e := range c.engines {
		wait.Go(func() { errs[i] = newSession(lease.Context(), ctx, e).run(lease, c.settle) })
	}
	wait.Wait()
	lost := 0
	for i, err := range errs {
		if errors.Is(err, lock.ErrLost) {
			lost++
		} else if err != nil {
			c.engines[i].tell(Event{Kind: EventProblem, Message: err.Error()})
		}
	}
	if ctx.Err() != nil {
		return true, c.interrupted(ctx, nil)
	}
	return lost == 0, errors.Join(errs...)
}
