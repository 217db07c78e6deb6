package pipeline

import (
	"context"
	"io"
	"iter"
)

// Engine runs one pipeline. It is itself a Pipeline. All its methods may be called
// concurrently.
type Engine struct{ c Config }

var _ Pipeline = (*Engine)(nil)

// New returns the engine of a pipeline. It checks everything and touches nothing;
// the error joins all that is wrong with c.
func New(c Config) (*Engine, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	return &Engine{c: c.withDefaults()}, nil
}

// Name implements Pipeline.
func (e *Engine) Name() string { return e.c.Name }

// Status implements Pipeline.
func (e *Engine) Status(ctx context.Context) (Status, error) { panic("skeleton") }

// Do implements Pipeline.
func (e *Engine) Do(ctx context.Context, r Request) (string, error) { panic("skeleton") }

// Deploys implements Pipeline.
func (e *Engine) Deploys(ctx context.Context, before string) iter.Seq2[Deploy, error] {
	panic("skeleton")
}

// Log implements Pipeline.
func (e *Engine) Log(ctx context.Context, deploy string) (io.ReadCloser, error) { panic("skeleton") }

// Run takes the lease, or waits for it, and keeps the pipeline at its rule until
// ctx ends. Then it lets the batch under way end (at most Config.Handover),
// releases the lease, so that the next deployer continues at once, and returns nil.
func (e *Engine) Run(ctx context.Context) error { panic("skeleton") }

// Settle takes the lease, or waits for it, acts until nothing is left to do, and
// releases it. It is Run for a laptop when no deployer runs. What is left is what
// only time, CI or a person can change.
func (e *Engine) Settle(ctx context.Context) error { panic("skeleton") }

// Plan says what the engine would do now, without doing it.
func (e *Engine) Plan(ctx context.Context) (Plan, error) { panic("skeleton") }

// Explain answers "why is my change not live?" for one change. The revision may be
// abbreviated to seven characters or more, where that names one change only.
func (e *Engine) Explain(ctx context.Context, revision string) (Reason, error) { panic("skeleton") }

// Adopt records what the targets run already as the first release, so that the
// first deploy has a way back. All units must agree on one digest.
func (e *Engine) Adopt(ctx context.Context, revision, by string) error { panic("skeleton") }

// Wake makes the engine ask source and CI now: a webhook's handler calls it.
func (e *Engine) Wake() { panic("skeleton") }

// Watch yields the engine's events from now on until ctx ends. The observer has a
// queue of its own of the given size (zero: 256): when it is too slow, the oldest
// events are dropped and an EventLost says how many. It delays nobody.
func (e *Engine) Watch(ctx context.Context, size int) iter.Seq[Event] { panic("skeleton") }

// Serve runs several engines in one process until ctx ends, as Run does one.
// Engines that share a store share the reading of its bell, those that share a
// lease hold it together.
func Serve(ctx context.Context, engines ...*Engine) error { panic("skeleton") }
