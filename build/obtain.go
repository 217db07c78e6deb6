package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/muster-deploy/muster/build/internal/filelock"
)

// obtain finds the artifact of a revision or builds it, in a row: look, take the
// revision's lock between processes, look again, wait for a place, check out,
// build, record, keep, and only then write down where it is.
func (w *Workshop) obtain(ctx context.Context, revision string, log io.Writer) (*Artifact, error) {
	if a, err := w.find(ctx, revision); a != nil || err != nil {
		return a, err
	}
	lock, err := w.lock(ctx, revision, log)
	if err != nil {
		return nil, err
	}
	defer lock.Remove()
	if a, err := w.find(ctx, revision); a != nil || err != nil {
		return a, err
	}
	release, err := w.place(ctx, log)
	if err != nil {
		return nil, err
	}
	defer release()
	digest, err := w.build(ctx, revision, log)
	if err != nil {
		return nil, err
	}
	return w.Open(ctx, digest)
}

// lock keeps other processes from building the revision, and waits for them.
func (w *Workshop) lock(ctx context.Context, revision string, log io.Writer) (*filelock.Lock, error) {
	at := w.path(locksDir, revision+"-"+shortDigest(w.config.Identity))
	lock, err := filelock.Try(at)
	if errors.Is(err, filelock.ErrHeld) {
		fmt.Fprintf(log, "another process builds %.12s; waiting for it\n", revision)
		lock, err = filelock.Acquire(ctx, at)
	}
	return lock, err
}

// place waits until fewer builds run than are allowed to.
func (w *Workshop) place(ctx context.Context, log io.Writer) (release func(), err error) {
	release = func() { <-w.places }
	select {
	case w.places <- struct{}{}:
		return release, nil
	default:
	}
	fmt.Fprintf(log, "waiting for one of %d builds to end\n", w.config.Parallel)
	select {
	case w.places <- struct{}{}:
		return release, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// build makes the artifact and keeps it. Where the cache has lost in the meantime what
// was placed from it, it builds once more, and restores it.
func (w *Workshop) build(ctx context.Context, revision string, log io.Writer) (digest string, err error) {
	digest, lost, err := w.buildOnce(ctx, revision, log, false)
	if err != nil && lost && context.Cause(ctx) == nil {
		fmt.Fprintf(log, "building %.12s again: what was taken from the cache is gone or damaged: %v\n", revision, err)
		digest, _, err = w.buildOnce(ctx, revision, log, true)
	}
	return digest, err
}

// buildOnce builds in a checkout of its own. Lost says that an error may come from what
// was placed from the cache.
func (w *Workshop) buildOnce(ctx context.Context, revision string, log io.Writer, careful bool) (digest string, lost bool, err error) {
	began := time.Now()
	co, err := w.newCheckout(revision)
	if err != nil {
		return "", false, fmt.Errorf("make a checkout: %w", err)
	}
	defer func() { err = errors.Join(err, co.remove()) }()
	if err := w.config.Source.Checkout(ctx, revision, co.dir); err != nil {
		return "", false, err
	}
	ws := &Workspace{Dir: co.dir, Revision: revision, Log: log, Runner: w.config.Runner, Cache: w.config.Cache, careful: careful}
	defer ws.Settle()
	out, err := w.config.Builder.Build(ctx, ws)
	if err != nil {
		return "", false, err
	}
	a, err := ws.Record(ctx, out, w.config.Limits)
	if err != nil {
		return "", ws.lost(err), err
	}
	if err := w.keep(ctx, revision, a); err != nil {
		return "", ws.lost(err), err
	}
	fmt.Fprintf(log, "built %.12s in %v: %s, %d files, %d bytes\n",
		revision, time.Since(began).Round(time.Millisecond), a.Digest, len(a.Manifest), a.Size())
	return a.Digest, false, nil
}

// keep stores the artifact, then the note of what the revision became. A crash in
// between costs a build.
func (w *Workshop) keep(ctx context.Context, revision string, a *Artifact) error {
	if err := w.note(a); err != nil {
		return err
	}
	if err := w.archive.Keep(ctx, a); err != nil {
		return err
	}
	return w.index(ctx, revision, a.Digest)
}
