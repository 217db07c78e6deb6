package heroku

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

// Activate implements target.Target: it releases the slug, and waits until it serves. In
// maintenance mode only a rollback is released, which then need not answer.
func (t *Target) Activate(ctx context.Context, o target.Order) error {
	if o.Number == 0 {
		return errors.New("activate: an order has a number above zero")
	}
	if err := t.activate(ctx, o); err != nil {
		return fmt.Errorf("activate %s: %w", o.Release.ID, err)
	}
	return nil
}

func (t *Target) activate(ctx context.Context, o target.Order) error {
	on, err := t.api.App(ctx)
	if err != nil {
		return t.failed(err)
	}
	h, d, err := t.look(ctx, func(h *history) bool { return h.whole() && h.slugs[o.Release.Digest] != "" })
	if err == nil {
		_, err = t.fence(h).Raise(o)
	}
	if err == nil && on.Maintenance && o.Intent != target.Backward {
		err = errors.New("the app is in maintenance mode, in which nobody sees whether it serves: heroku maintenance:off, or hold the pipeline meanwhile")
	}
	if err != nil {
		return t.failed(err)
	}
	if h.live == o.Release.Digest && d.Behind(h.current.Version) == nil {
		if err := t.raise(h, o); err != nil {
			return t.failed(err)
		}
		return nil
	}
	slug := h.slugs[o.Release.Digest]
	if slug == "" {
		return t.failed(target.ErrUnprepared)
	}
	if err := o.Ask(ctx, t.step()); err != nil {
		return err
	}
	if err := t.switchTo(ctx, o, on, slug, h.current.Slug.ID); err != nil {
		return t.failed(err)
	}
	return nil
}

// switchTo releases a slug, and puts back what ran before if that does not serve.
func (t *Target) switchTo(ctx context.Context, o target.Order, on platform.App, slug, before string) error {
	r, err := t.release(ctx, o, slug, false)
	if err != nil {
		return err
	}
	var sick *sickError
	if err = t.wait(ctx, o, on, r, slug); !errors.As(err, &sick) || before == "" || before == slug {
		return err // It serves, or there is nothing that would, or it is for others to say.
	}
	r, failed := t.release(ctx, o, before, true)
	if failed == nil {
		failed = t.wait(ctx, o, on, r, before)
	}
	if failed != nil {
		return errors.Join(err, fmt.Errorf("put back what ran before: %w", failed))
	}
	return err
}

// release makes a release of a slug. The fence is looked at right before; where there
// was no answer, what has come of it is looked up before it is tried again.
func (t *Target) release(ctx context.Context, o target.Order, slug string, back bool) (*platform.Release, error) {
	t.releasing.Lock()
	defer t.releasing.Unlock()
	text, newest, unclear := describe(o, back), -1, error(nil)
	for range 3 {
		h, err := t.history(ctx, nil)
		if err == nil {
			err = t.raise(h, o)
		}
		if err != nil {
			return nil, errors.Join(unclear, err)
		}
		if newest < 0 && len(h.releases) > 0 {
			newest = h.releases[0].Version
		}
		if r := h.find(text, newest); r != nil && unclear != nil {
			return r, nil
		}
		made, err := t.api.Release(ctx, slug, text)
		var refused *platform.Error
		switch {
		case err == nil:
			return &made, nil
		case errors.As(err, &refused) && refused.Status == http.StatusNotFound: // the app was there just now
			t.forget(slug)
			return nil, errors.Join(target.ErrUnprepared, err)
		case errors.As(err, &refused) && refused.Status < 500 || ctx.Err() != nil:
			return nil, err
		}
		unclear = err
	}
	return nil, unclear
}

// sickError says that a release was made and does not serve.
type sickError struct{ error }

func (e *sickError) Unwrap() error { return e.error }

// wait waits until a slug serves, first for the release phase, then for the dynos.
func (t *Target) wait(ctx context.Context, o target.Order, on platform.App, made *platform.Release, slug string) error {
	phase, limit, started := "release", t.config.ReleaseLimit, time.Now()
	for {
		now, problem, err := t.poll(ctx, o, on, made, slug)
		if err != nil {
			return err
		}
		if now != phase {
			phase, limit, started = now, t.config.Patience, time.Now()
			t.output(ctx, o, made)
		}
		if problem == nil {
			o.Tell(target.Progress{Unit: t.config.Name, Phase: "done"})
			return nil
		}
		if errors.Is(problem, platform.ErrCrashed) || time.Since(started) >= limit {
			return &sickError{fmt.Errorf("v%d does not serve after %v: %w", made.Version, time.Since(started).Round(time.Second), problem)}
		}
		o.Tell(target.Progress{Unit: t.config.Name, Phase: phase, Message: problem.Error()})
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.config.Interval):
		}
	}
}

// poll says why a slug does not serve yet, and in which phase it is. It may be released by
// what was made, or by a later release, which a change of config vars makes as well.
func (t *Target) poll(ctx context.Context, o target.Order, on platform.App, made *platform.Release, slug string) (phase string, problem, err error) {
	h, d, err := t.look(ctx, nil)
	if err == nil {
		_, err = t.fence(h).Raise(o)
	}
	if err != nil {
		return "", nil, err
	}
	switch r := h.find(made.Description, made.Version-1); {
	case r != nil && r.Status != "succeeded" && r.Status != "pending":
		return "", nil, fmt.Errorf("the release phase of v%d has %s, and v%d goes on: %s", r.Version, r.Status, h.current.Version, t.output(ctx, o, r))
	case h.current.Version < made.Version:
		return "release", errors.New("its release phase has not ended"), nil
	case h.current.Slug.ID != slug:
		return "", nil, fmt.Errorf("v%d was released meanwhile by somebody else: %.60q", h.current.Version, h.current.Description)
	}
	if problem = d.Behind(h.current.Version); problem == nil {
		problem = t.api.Ask(ctx, on, d, t.config.HealthPath)
	}
	return "confirm", problem, nil
}

// output reports the end of what a release phase has printed, and returns it.
func (t *Target) output(ctx context.Context, o target.Order, r *platform.Release) string {
	if r.Output == "" {
		return "it has no output"
	}
	text, err := t.api.Output(ctx, r.Output)
	if err != nil {
		text += "\n" + err.Error()
	}
	o.Tell(target.Progress{Unit: t.config.Name, Phase: "release", Message: text})
	return text
}
