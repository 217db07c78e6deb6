package fleet

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Fleet is a target.Target over hosts. It keeps nothing between calls, but for what
// Config.Foresee says: what is so is asked of the hosts each time. It may be used by many
// goroutines at once.
type Fleet struct {
	c    Config
	seen foresight
}

// New checks the config, all of it, and touches nothing.
func New(c Config) (*Fleet, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("fleet %q: %w", c.Name, err)
	}
	c.fill()
	return &Fleet{c: c}, nil
}

// Name implements target.Target.
func (f *Fleet) Name() string { return f.c.Name }

// Prepare implements target.Target. It brings the artifact to Config.PrepareParallel
// hosts at once.
func (f *Fleet) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if a == nil || a.Digest != o.Release.Digest {
		return fmt.Errorf("prepare %s: artifact is not the order's release", f.c.Name)
	}
	hosts, err := f.members(ctx)
	if err != nil {
		return fmt.Errorf("prepare %s: %w", f.c.Name, err)
	}
	errs := make([]error, len(hosts))
	ahead, stop := context.WithCancel(ctx)
	defer stop()
	watch, limit := f.lookout(o, hosts), f.prepareLimit(len(hosts))
	err = f.several(ctx, f.c.PrepareParallel, hosts, func(ctx context.Context, i int, h Host) error {
		defer watch.prepared(ahead)
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		errs[i] = unitError(h, h.Target.Prepare(ctx, onHost(o, h), a))
		if errors.Is(errs[i], target.ErrStale) {
			stop()
			return target.ErrStale // nobody wants the rest any more
		}
		return nil
	})
	watch.looking.Wait()
	if !errors.Is(err, target.ErrStale) { // a refusal is among errs already
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// prepareLimit ends the preparing of one host of so many.
func (f *Fleet) prepareLimit(members int) time.Duration {
	if f.c.PrepareLimit > 0 {
		return f.c.PrepareLimit
	}
	return max(15*time.Minute, time.Duration(members)*360*time.Millisecond)
}

// Observe implements target.Target.
func (f *Fleet) Observe(ctx context.Context, o target.Order) (target.State, error) {
	hosts, err := f.members(ctx)
	if err != nil {
		return target.State{}, fmt.Errorf("observe %s: %w", f.c.Name, err)
	}
	s := target.State{Budget: f.c.Budget, Units: make([]target.Unit, len(hosts))}
	var mu sync.Mutex
	var refused []error
	err = f.each(ctx, hosts, func(ctx context.Context, i int, h Host) error {
		u, err := f.read(ctx, h, o)
		s.Units[i] = u
		if errors.Is(err, target.ErrStale) {
			mu.Lock()
			defer mu.Unlock()
			refused = append(refused, unitError(h, err))
		}
		return nil
	})
	if err != nil {
		return target.State{}, fmt.Errorf("observe %s: %w", f.c.Name, err)
	}
	return s, errors.Join(refused...)
}

// read asks one host for its one unit. What keeps it from answering is a Problem of
// the unit; the error beside it is target.ErrStale or nil.
func (f *Fleet) read(ctx context.Context, h Host, o target.Order) (target.Unit, error) {
	ctx, cancel := context.WithTimeout(ctx, f.c.ObserveLimit)
	defer cancel()
	s, err := h.Target.Observe(ctx, onHost(o, h))
	stale := errors.Is(err, target.ErrStale)
	switch {
	case err != nil && !stale:
		return target.Unit{Name: h.Name, Problem: err.Error()}, nil
	case len(s.Units) != 1:
		return target.Unit{Name: h.Name, Problem: fmt.Sprintf("host has %d units: want one", len(s.Units))}, nil
	}
	u := s.Units[0]
	u.Name = h.Name
	if stale {
		return u, err
	}
	return u, nil
}

// members lists the hosts, sorted by name, and refuses a list that cannot be right.
func (f *Fleet) members(ctx context.Context) ([]Host, error) {
	hosts, err := f.c.Hosts(ctx)
	if err != nil {
		return nil, fmt.Errorf("list hosts: %w", err)
	}
	if len(hosts) == 0 {
		return nil, errors.New("list hosts: there are none; check the selection")
	}
	hosts = slices.Clone(hosts)
	slices.SortFunc(hosts, func(a, b Host) int { return strings.Compare(a.Name, b.Name) })
	for i, h := range hosts {
		switch {
		case h.Name == "":
			return nil, errors.New("list hosts: one has no name")
		case h.Target == nil:
			return nil, fmt.Errorf("list hosts: %s has no target", h.Name)
		case i > 0 && hosts[i-1].Name == h.Name:
			return nil, fmt.Errorf("list hosts: %s is listed twice", h.Name)
		}
	}
	return hosts, nil
}

// each calls work for every host, Parallel at once, until one call returns an error
// or ctx ends. It returns that error.
func (f *Fleet) each(ctx context.Context, hosts []Host, work func(context.Context, int, Host) error) error {
	return f.several(ctx, f.c.Parallel, hosts, work)
}

// several is each for so many at once.
func (f *Fleet) several(ctx context.Context, parallel int, hosts []Host, work func(context.Context, int, Host) error) error {
	g, inner := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(parallel, len(hosts)) {
		g.Go(func() error {
			own, cancel := context.WithCancel(inner) // or all deadlines meet at one lock
			defer cancel()
			for own.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(hosts) {
					return nil
				}
				if err := work(own, i, hosts[i]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// onHost is the order as one host gets it: the fleet has asked Begin by itself, and
// tells progress under the host's name.
func onHost(o target.Order, h Host) target.Order {
	o.Begin = nil
	if report := o.Report; report != nil {
		o.Report = func(p target.Progress) {
			p.Unit = h.Name
			report(p)
		}
	}
	return o
}
