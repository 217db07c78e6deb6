package build

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Source brings the trees of revisions. A mirror.Mirror is one.
type Source interface {
	// Checkout writes the tree of a revision, a full commit id, into dir, which is
	// missing or empty.
	Checkout(ctx context.Context, revision, dir string) error
}

// WorkshopConfig sets up a Workshop.
type WorkshopConfig struct {
	// Dir is the workshop's own directory on this machine: checkouts, locks, and
	// what it keeps unless Store and Cache say otherwise. Several processes may
	// share it.
	Dir string
	// Source brings the trees.
	Source Source
	// Builder builds them.
	Builder Builder
	// Identity names the builder, its version and its settings. A revision that was
	// built under another identity is built again.
	Identity string
	// Runner runs the builder's commands; nil means Local.
	Runner Runner
	// Store keeps the artifacts; nil means a DirStore in Dir. Workshops of several
	// machines that share one find each other's builds.
	Store Store
	// Cache is for the builder; nil means one in Dir, with its defaults.
	Cache *Cache
	// Limits bounds an artifact.
	Limits Limits
	// Parallel is how many builds run at a time in this process; zero means one.
	Parallel int
	// Timeout bounds one build with its checkout; zero means an hour.
	Timeout time.Duration
	// StopWait is how long a builder may take to return once it was cancelled; zero
	// means 30 seconds. After that its askers get an error and no longer wait.
	StopWait time.Duration
	// MaxBytes is how much Prune leaves; zero means 50 GiB.
	MaxBytes int64
	// Logger is told what people need not see in a build's own log; nil is silent.
	Logger *slog.Logger
}

// Workshop builds each revision once, whoever asks for it, and keeps the artifacts.
// It owns the checkouts, the cache and the store that it was given. Its methods may
// be called by many goroutines, and several processes may share a directory.
type Workshop struct {
	config  WorkshopConfig
	archive *Archive
	places  chan struct{} // one element per build under way

	mu      sync.Mutex
	flights map[string]*flight // by revision
}

// NewWorkshop returns a workshop, with every complaint about c at once. Checkouts
// that a killed process left behind, and what still runs in them, are removed.
func NewWorkshop(c WorkshopConfig) (*Workshop, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("open workshop: %w", err)
	}
	c.Parallel = cmp.Or(c.Parallel, 1)
	c.Timeout = cmp.Or(c.Timeout, time.Hour)
	c.StopWait = cmp.Or(c.StopWait, 30*time.Second)
	c.MaxBytes = cmp.Or(c.MaxBytes, 50<<30)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	w := &Workshop{config: c, places: make(chan struct{}, c.Parallel), flights: map[string]*flight{}}
	if err := w.furnish(); err != nil {
		return nil, fmt.Errorf("open workshop in %s: %w", c.Dir, err)
	}
	return w, nil
}

// check returns every complaint about c.
func (c WorkshopConfig) check() error {
	var errs []error
	for _, missing := range []struct {
		is   bool
		what string
	}{
		{c.Dir == "", "no directory: set Dir"},
		{c.Source == nil, "nowhere to get revisions from: set Source"},
		{c.Builder == nil, "nothing to build with: set Builder"},
		{c.Identity == "", "no name for the builder and its settings: set Identity"},
		{c.Parallel < 0 || c.Timeout < 0 || c.StopWait < 0 || c.MaxBytes < 0, "a number below zero"},
	} {
		if missing.is {
			errs = append(errs, errors.New(missing.what))
		}
	}
	return errors.Join(errs...)
}

// Directories of a workshop.
const (
	checkoutsDir = "checkouts" // one per build under way, with a lock beside it
	locksDir     = "locks"     // one per revision that is being built
	keptDir      = "kept"      // a note per artifact, by which Prune judges
	retainDir    = "retain"    // a list per owner of what has to stay
	storeDir     = "store"
	cacheDir     = "cache"
)

// furnish makes the directories, the default store and the default cache.
func (w *Workshop) furnish() error {
	var err error
	if w.config.Dir, err = filepath.Abs(w.config.Dir); err != nil {
		return err
	}
	for _, d := range []string{checkoutsDir, locksDir, keptDir, retainDir} {
		if err := os.MkdirAll(w.path(d), 0o755); err != nil {
			return err
		}
	}
	if w.config.Store == nil {
		if w.config.Store, err = OpenDirStore(w.path(storeDir)); err != nil {
			return err
		}
	}
	if w.config.Cache == nil {
		if w.config.Cache, err = OpenCache(w.path(cacheDir), CacheOptions{}); err != nil {
			return err
		}
	}
	w.archive = NewArchive(w.config.Store, "")
	return w.sweepCheckouts()
}

// path returns a path in the workshop's directory.
func (w *Workshop) path(names ...string) string {
	return filepath.Join(append([]string{w.config.Dir}, names...)...)
}

// Artifact returns the artifact of a revision. One that was built before is found
// again; one that is being built, by whichever goroutine or process, is waited for.
// Log gets the build's output as far as this process makes it and a line on what is
// waited for otherwise; it must not block, and is not written to any more once
// Artifact has returned. Nil: nobody listens.
//
// When ctx ends, so does the call. The build itself is cancelled once nobody waits
// for it any more, and the last one to leave stays until nothing of it is left.
func (w *Workshop) Artifact(ctx context.Context, revision string, log io.Writer) (*Artifact, error) {
	if err := checkRevision(revision); err != nil {
		return nil, fmt.Errorf("build: %w", err)
	}
	if log == nil {
		log = io.Discard
	}
	a, err := w.join(ctx, revision, log)
	if err != nil {
		return nil, fmt.Errorf("build %.12s: %w", revision, err)
	}
	return a, nil
}

// checkRevision lets full commit ids through.
func checkRevision(revision string) error {
	if !isHex(revision, 40) && !isHex(revision, 64) {
		return fmt.Errorf("%.80q is no full commit id: want 40 or 64 hexadecimal digits", revision)
	}
	return nil
}

// Open returns an artifact that was built before, or an error that wraps
// ErrNotFound. Where its content turns out to be damaged while it is read, it is
// removed from the store: who asks for the revision again gets a new build.
func (w *Workshop) Open(ctx context.Context, digest string) (*Artifact, error) {
	a, err := w.archive.Open(ctx, digest)
	if err != nil {
		return nil, err
	}
	w.watch(a)
	if err := w.note(a); err != nil {
		w.config.Logger.Warn("note the use of an artifact", "digest", digest, "error", err)
	}
	return a, nil
}
