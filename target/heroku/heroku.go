package heroku

import (
	"context"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

// Target is an app on Heroku, of one unit. Make one with New. All methods may be called
// by many goroutines at once.
type Target struct {
	config    Config
	api       *platform.Client
	preparing chan struct{}
	releasing sync.Mutex // from the last look at the fence to the answer

	mu     sync.Mutex
	raised target.Fence      // by orders that released nothing
	slugs  map[string]string // digests of those that were uploaded; empty: it is gone
}

var (
	_ target.Target  = (*Target)(nil)
	_ target.Planner = (*Target)(nil)
	_ target.Fenced  = (*Target)(nil)
)

// New returns the target of an app. It checks all of c at once, and asks nothing.
func New(c Config) (*Target, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c.fill()
	api := platform.New(platform.Options{App: c.App, API: c.API, Token: c.Token, Pause: c.Interval, HTTP: c.HTTP})
	return &Target{config: c, api: api, preparing: make(chan struct{}, 1), slugs: map[string]string{}}, nil
}

// Name implements target.Target.
func (t *Target) Name() string { return t.config.Name }

// Fencing implements target.Fenced: see the package's documentation.
func (t *Target) Fencing() target.Fencing { return target.LastSwitch }

// failed says of which unit an error is.
func (t *Target) failed(err error) error { return &target.UnitError{Unit: t.config.Name, Err: err} }

// remember notes a slug that no release may name yet.
func (t *Target) remember(slug, digest string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.slugs[slug] = digest
}

// forget notes that a slug is not there, whatever releases say.
func (t *Target) forget(slug string) { t.remember(slug, "") }

// fence is the highest order that the releases or this target know of.
func (t *Target) fence(h *history) target.Fence {
	t.mu.Lock()
	defer t.mu.Unlock()
	return higher(h.fence, t.raised)
}

func higher(a, b target.Fence) target.Fence {
	if b.Number > a.Number {
		return b
	}
	return a
}

// raise has this target know of an order, or refuses it.
func (t *Target) raise(h *history, o target.Order) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, err := higher(h.fence, t.raised).Raise(o)
	if err == nil {
		t.raised = f
	}
	return err
}

// look reads the releases, until enough, and what runs.
func (t *Target) look(ctx context.Context, enough func(*history) bool) (h *history, d platform.Dynos, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { h, err = t.history(ctx, enough); return err })
	group.Go(func() (err error) { d, err = t.api.Dynos(ctx); return err })
	return h, d, group.Wait()
}
