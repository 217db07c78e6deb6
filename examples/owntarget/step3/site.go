// Package step3 is a target that refuses overtaken orders, for as long as it runs.
package step3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// Site is a directory that a web server of this machine serves: <Dir>/current.
type Site struct {
	Dir string

	mu    sync.Mutex
	fence target.Fence
}

// Name implements target.Target.
func (s *Site) Name() string { return "site" }

// Prepare implements target.Target.
func (s *Site) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := s.prepare(ctx, o, a); err != nil {
		return fmt.Errorf("prepare: %w", s.failed(err))
	}
	return nil
}

func (s *Site) prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.fence.Check(o); err != nil || s.prepared(a.Digest) {
		return err
	}
	return build.Extract(ctx, a, s.release(a.Digest), build.UnpackOptions{Sync: true})
}

// Activate implements target.Target.
func (s *Site) Activate(ctx context.Context, o target.Order) error {
	if o.Number == 0 {
		return errors.New("activate: an order has a number above zero")
	}
	idle, err := s.look(o)
	if err == nil && !idle {
		if err := o.Ask(ctx, step); err != nil {
			return fmt.Errorf("activate: %w", err)
		}
		err = s.switchTo(ctx, o)
	}
	if err != nil {
		return fmt.Errorf("activate: %w", s.failed(err))
	}
	return nil
}

// look says whether there is nothing to switch. Then the fence is raised all the same.
func (s *Site) look(o target.Order) (idle bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	raised, err := s.fence.Raise(o)
	if idle = s.live() == o.Release.Digest; idle && err == nil {
		s.fence = raised
	}
	return idle, err
}

// step is the only one that there is.
var step = target.Step{Batch: 1, Batches: 1, Units: []string{"site"}}

// switchTo raises the fence, and only then does anything else.
func (s *Site) switchTo(ctx context.Context, o target.Order) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.fence, err = s.fence.Raise(o); err != nil {
		return err
	}
	if !s.prepared(o.Release.Digest) {
		return target.ErrUnprepared
	}
	o.Tell(target.Progress{Unit: "site", Phase: "switch"})
	return s.point(o.Release.Digest)
}

// Observe implements target.Target.
func (s *Site) Observe(ctx context.Context, o target.Order) (target.State, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if o.Number > 0 {
		o.Release = target.Release{}
		s.fence, err = s.fence.Raise(o)
	}
	u := target.Unit{Name: "site", Condition: target.Vacant, Number: s.fence.Number}
	if u.Digest = s.live(); u.Digest != "" {
		u.Condition = target.Serving
	}
	return target.State{Units: []target.Unit{u}}, err
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
