package heroku

import (
	"context"
	"fmt"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

// Prepare implements target.Target: it uploads the artifact as a slug, unless it was.
func (t *Target) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := t.prepare(ctx, o, a); err != nil {
		return fmt.Errorf("prepare %s: %w", o.Release.ID, t.failed(err))
	}
	return nil
}

func (t *Target) prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return err
	}
	if _, err := platform.Processes(a.Files); err != nil {
		return err
	}
	select {
	case t.preparing <- struct{}{}: // who asks for the same digest meanwhile finds it
		defer func() { <-t.preparing }()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	h, err := t.history(ctx, func(*history) bool { return true })
	if err != nil {
		return err
	}
	if err := t.fence(h).Check(o); err != nil || h.slugs[a.Digest] != "" {
		return err
	}
	on, err := t.api.App(ctx)
	if err != nil {
		return err
	}
	stack := t.config.Stack
	or(&stack, on.BuildStack.Name)
	slug, err := t.api.Upload(ctx, a, stack, o.Release.Revision, func(size int64) {
		o.Tell(target.Progress{Unit: t.config.Name, Phase: "upload", Total: size, Of: "bytes"})
	})
	if err == nil {
		t.remember(slug, a.Digest)
	}
	return err
}
