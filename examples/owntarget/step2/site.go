// Package step2 is a target that switches, and believes whoever asks it to.
package step2

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Site is a directory that a web server of this machine serves: <Dir>/current.
type Site struct {
	Dir string
}

// Name implements target.Target.
func (s *Site) Name() string { return "site" }

// Prepare implements target.Target.
func (s *Site) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return fmt.Errorf("prepare: %w", s.failed(err))
	}
	if s.prepared(a.Digest) {
		return nil
	}
	if err := build.Extract(ctx, a, s.release(a.Digest), build.UnpackOptions{Sync: true}); err != nil {
		return fmt.Errorf("prepare: %w", s.failed(err))
	}
	return nil
}

// Activate implements target.Target.
func (s *Site) Activate(ctx context.Context, o target.Order) error {
	if !s.prepared(o.Release.Digest) {
		return fmt.Errorf("activate: %w", s.failed(target.ErrUnprepared))
	}
	if s.live() == o.Release.Digest {
		return nil
	}
	if err := o.Ask(ctx, step); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("activate: %w", err)
	}
	o.Tell(target.Progress{Unit: "site", Phase: "switch"})
	if err := s.point(o.Release.Digest); err != nil {
		return fmt.Errorf("activate: %w", s.failed(err))
	}
	return nil
}

// step is the only one that there is.
var step = target.Step{Batch: 1, Batches: 1, Units: []string{"site"}}

// Observe implements target.Target.
func (s *Site) Observe(ctx context.Context, o target.Order) (target.State, error) {
	u := target.Unit{Name: "site", Condition: target.Vacant}
	if u.Digest = s.live(); u.Digest != "" {
		u.Condition = target.Serving
	}
	return target.State{Units: []target.Unit{u}}, nil
}

// release is where the files of a digest stand.
func (s *Site) release(digest string) string {
	return filepath.Join(s.Dir, "releases", strings.TrimPrefix(digest, "sha256:"))
}

func (s *Site) prepared(digest string) bool {
	_, err := os.Stat(s.release(digest))
	return err == nil
}

// live is the digest that current points to; empty if it points to no release.
func (s *Site) live() string {
	to, err := os.Readlink(filepath.Join(s.Dir, "current"))
	if err != nil {
		return ""
	}
	return "sha256:" + filepath.Base(to)
}

// point has current point to a release: a rename, which is whole or not at all.
func (s *Site) point(digest string) error {
	current := filepath.Join(s.Dir, "current")
	if err := os.Remove(current + ".new"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	to := filepath.Join("releases", strings.TrimPrefix(digest, "sha256:"))
	if err := os.Symlink(to, current+".new"); err != nil {
		return err
	}
	return os.Rename(current+".new", current)
}

// failed says of which unit an error is.
func (s *Site) failed(err error) error { return &target.UnitError{Unit: "site", Err: err} }
