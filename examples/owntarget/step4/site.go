// Package step4 is the whole target of the guide "Write your own target".
package step4

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

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
	if err := s.prepare(ctx, o, a); err != nil {
		return fmt.Errorf("prepare: %w", s.failed(err))
	}
	return nil
}

func (s *Site) prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return err
	}
	return s.locked(ctx, func(now *state) error {
		if err := now.Fence.Check(o); err != nil {
			return err
		}
		if s.prepared(a.Digest) {
			return nil
		}
		return build.Extract(ctx, a, s.release(a.Digest), build.UnpackOptions{Sync: true})
	})
}

// Activate implements target.Target.
func (s *Site) Activate(ctx context.Context, o target.Order) error {
	if o.Number == 0 {
		return errors.New("activate: an order has a number above zero")
	}
	idle := false
	err := s.locked(ctx, func(now *state) (err error) {
		if idle = s.live() == o.Release.Digest; idle {
			err = s.switchTo(now, o)
			return err
		}
		_, err = now.Fence.Raise(o)
		return err
	})
	if err == nil && !idle {
		if err := o.Ask(ctx, step); err != nil {
			return fmt.Errorf("activate: %w", err)
		}
		err = s.locked(ctx, func(now *state) error { return s.switchTo(now, o) })
	}
	if err != nil {
		return fmt.Errorf("activate: %w", s.failed(err))
	}
	return nil
}

// step is the only one that there is.
var step = target.Step{Batch: 1, Batches: 1, Units: []string{"site"}}

// switchTo raises the fence, has it on the disk, and only then does anything else.
func (s *Site) switchTo(now *state, o target.Order) (err error) {
	if now.Fence, err = now.Fence.Raise(o); err != nil {
		return err
	}
	was := s.live()
	if was != o.Release.Digest && s.prepared(o.Release.Digest) {
		now.Before = was
	}
	if err := s.write(now); err != nil {
		return err
	}
	if !s.prepared(o.Release.Digest) {
		return target.ErrUnprepared
	}
	if was != o.Release.Digest {
		o.Tell(target.Progress{Unit: "site", Phase: "switch"})
		if err := s.point(o.Release.Digest); err != nil {
			return err
		}
	}
	return s.retire(now, o)
}

// Observe implements target.Target.
func (s *Site) Observe(ctx context.Context, o target.Order) (target.State, error) {
	u := target.Unit{Name: "site", Condition: target.Vacant}
	err := s.locked(ctx, func(now *state) (err error) {
		if o.Number > 0 {
			o.Release = target.Release{}
			var raised target.Fence
			if raised, err = now.Fence.Raise(o); err == nil {
				now.Fence = raised
				err = s.write(now)
			}
		}
		u.Number = now.Fence.Number
		return err
	})
	if err != nil && !errors.Is(err, target.ErrStale) {
		u.Condition, u.Problem = target.Unknown, err.Error()
		return target.State{Units: []target.Unit{u}}, ctx.Err()
	}
	if u.Digest = s.live(); u.Digest != "" {
		u.Condition = target.Serving
	}
	return target.State{Units: []target.Unit{u}}, err
}

// state is what stands in <Dir>/state.json.
type state struct {
	Fence  target.Fence `json:"fence"`
	Before string       `json:"before"` // the digest that served before the live one
}

// locked lets one process at a time look at the state, and change it by write.
func (s *Site) locked(ctx context.Context, f func(*state) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(s.Dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close() // which unlocks it, as the process's end does
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock: %w", err)
	}
	var now state
	text, err := os.ReadFile(filepath.Join(s.Dir, "state.json"))
	if err == nil {
		err = json.Unmarshal(text, &now)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read state: %w", err)
	}
	return f(&now)
}

// write replaces the state as a whole, and returns once it is on the disk.
func (s *Site) write(now *state) error {
	text, err := json.Marshal(now)
	if err != nil {
		return err
	}
	name := filepath.Join(s.Dir, "state.json")
	f, err := os.Create(name + ".new")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(name+".new", name)
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

// retire removes what nobody needs any more.
func (s *Site) retire(now *state, o target.Order) error {
	if o.Keep == nil {
		return nil
	}
	all, err := os.ReadDir(filepath.Join(s.Dir, "releases"))
	if err != nil {
		return err
	}
	keep := append(slices.Clone(o.Keep), now.Before, o.Release.Digest)
	for _, r := range all {
		if !slices.Contains(keep, "sha256:"+r.Name()) {
			err = errors.Join(err, os.RemoveAll(s.release(r.Name())))
		}
	}
	return err
}

// failed says of which unit an error is.
func (s *Site) failed(err error) error { return &target.UnitError{Unit: "site", Err: err} }
