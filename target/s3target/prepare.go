package s3target

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Prepare implements target.Target: it uploads what neither the live release nor the
// one before it has brought, and the manifest last.
func (t *Target) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := t.prepare(ctx, o, a); err != nil {
		return fmt.Errorf("prepare %s: %w", o.Release.ID, &target.UnitError{Unit: t.config.Name, Err: err})
	}
	return nil
}

func (t *Target) prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return err
	}
	text, err := build.EncodeManifest(a.Manifest)
	if err != nil {
		return err
	}
	next := &release{Schema: schema, Release: o.Release, Rules: t.config.rules(), Manifest: string(text)}
	if next.objects, err = t.config.publish(a.Manifest); err != nil {
		return err
	}
	now, done, err := t.survey(ctx, o, next)
	if err != nil || done {
		return err
	}
	known, err := t.known(ctx, now)
	if err != nil {
		return err
	}
	if err := t.upload(ctx, o, a, known.without(next.objects)); err != nil {
		return err
	}
	if err := t.keep(ctx, next); err != nil {
		return err
	}
	t.doubt.Store(false)
	return nil
}

// survey reads the pointer, and whether the release is prepared already.
func (t *Target) survey(ctx context.Context, o target.Order, next *release) (now pointer, done bool, err error) {
	group, inner := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		now, err = t.load(inner)
		return err
	})
	group.Go(func() error {
		r, err := t.prepared(inner, o.Release.Digest)
		done = err == nil && r.Rules.equal(next.Rules) && !t.doubt.Load()
		if errors.Is(err, target.ErrUnprepared) {
			return nil
		}
		return err
	})
	if err := group.Wait(); err != nil {
		return now, false, err
	}
	if o.Number < now.Number {
		return now, false, fmt.Errorf("order %d, seen %d: %w", o.Number, now.Number, target.ErrStale)
	}
	return now, done, nil
}

// inventory is the identities of the objects that are known to be there.
type inventory map[string]bool

// known returns what the live release and the one before it consist of: no listing, and
// no question for each file.
func (t *Target) known(ctx context.Context, now pointer) (inventory, error) {
	k := inventory{}
	if t.doubt.Load() {
		return k, nil
	}
	var both [2]*release
	group, inner := errgroup.WithContext(ctx)
	for i, digest := range []string{now.Digest, now.Previous} {
		if digest == "" {
			continue
		}
		group.Go(func() error {
			r, err := t.prepared(inner, digest)
			if err == nil && r.Rules.equal(t.config.rules()) {
				both[i] = r
			}
			if errors.Is(err, target.ErrUnprepared) {
				return nil // It was pruned: then its files may be gone as well.
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for _, r := range both {
		if r != nil {
			for _, o := range r.objects {
				k[o.identity()] = true
			}
		}
	}
	return k, nil
}

// without returns the objects that are not known, each content once.
func (k inventory) without(objects []object) []object {
	var missing []object
	for _, o := range objects {
		if id := o.identity(); !k[id] {
			k[id] = true
			missing = append(missing, o)
		}
	}
	return missing
}

// upload brings objects into the bucket, and tells of files and bytes.
func (t *Target) upload(ctx context.Context, o target.Order, a *build.Artifact, missing []object) error {
	y := t.newTally(o, missing)
	return through(ctx, t.gate, missing, object.held, func(ctx context.Context, m object) error {
		return t.put(ctx, a, m, y)
	})
}
