package build

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// pruneAge is how long an artifact is safe from Prune after it was last used: who
// opened it has had the time to retain it.
const pruneAge = time.Hour

// keptNote is what a workshop notes of an artifact. The file's time is when it was
// last used.
type keptNote struct {
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
}

// note writes down that an artifact is kept and was used. It is written before the
// artifact itself: what is in the store is always known here.
func (w *Workshop) note(a *Artifact) error {
	at := w.path(keptDir, strings.TrimPrefix(a.Digest, "sha256:"))
	now := time.Now()
	if os.Chtimes(at, now, now) == nil {
		return nil
	}
	return writeJSON(at, keptNote{Digest: a.Digest, Bytes: a.Size()})
}

// writeJSON writes a small file whole or not at all.
func writeJSON(at string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	tmp := filepath.Join(filepath.Dir(at), unfinished+rand.Text())
	if err := os.WriteFile(tmp, b, 0o644); err != nil {
		return errors.Join(err, ignoreMissing(os.Remove(tmp)))
	}
	return os.Rename(tmp, at)
}

// Retain notes, for an owner (a pipeline), which artifacts have to stay: the live
// one, those to go back to. It replaces what the owner noted before and holds for
// all processes that share the directory. An empty list forgets the owner.
func (w *Workshop) Retain(owner string, digests []string) error {
	if err := CheckKey(owner); err != nil || strings.Contains(owner, "/") {
		return errors.Join(fmt.Errorf("retain artifacts: owner %.80q is not one segment of a key", owner), err)
	}
	var errs []error
	for _, d := range digests {
		errs = append(errs, CheckDigest(d))
	}
	err := errors.Join(errs...)
	at := w.path(retainDir, owner)
	switch {
	case err != nil:
	case len(digests) == 0:
		err = ignoreMissing(os.Remove(at))
	default:
		err = writeJSON(at, digests)
	}
	if err != nil {
		return fmt.Errorf("retain artifacts for %s: %w", owner, err)
	}
	return nil
}

// retained is the union of what all owners noted. A list that cannot be read is an
// error: nothing may be pruned then.
func (w *Workshop) retained() ([]string, error) {
	entries, err := os.ReadDir(w.path(retainDir))
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), unfinished) {
			continue
		}
		b, err := os.ReadFile(w.path(retainDir, e.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var digests []string
		if err == nil {
			err = json.Unmarshal(b, &digests)
		}
		if err != nil {
			return nil, fmt.Errorf("read what %s retains: %w", e.Name(), err)
		}
		all = append(all, digests...)
	}
	return all, nil
}

// Prune removes artifacts that this workshop's directory knows of, those that were
// used least recently first, until the rest is within MaxBytes. What an owner
// retains stays, and what was used within the last hour.
func (w *Workshop) Prune(ctx context.Context) error {
	keep, err := w.retained()
	if err != nil {
		return fmt.Errorf("prune artifacts: %w", err)
	}
	kept, err := w.kept()
	if err != nil {
		return fmt.Errorf("prune artifacts: %w", err)
	}
	var total int64
	for _, k := range kept {
		total += k.Bytes
	}
	for _, k := range kept {
		if total <= w.config.MaxBytes {
			break
		}
		if slices.Contains(keep, k.Digest) || time.Since(k.used) < pruneAge {
			continue
		}
		if err := w.archive.Remove(ctx, k.Digest); err != nil {
			return fmt.Errorf("prune artifacts: %w", err)
		}
		if err := ignoreMissing(os.Remove(k.at)); err != nil {
			return fmt.Errorf("prune artifacts: %w", err)
		}
		total -= k.Bytes
	}
	return nil
}

// keptArtifact is a note with its file and time.
type keptArtifact struct {
	keptNote
	at   string
	used time.Time
}

// kept lists the notes, what was used least recently first.
func (w *Workshop) kept() ([]keptArtifact, error) {
	entries, err := os.ReadDir(w.path(keptDir))
	if err != nil {
		return nil, err
	}
	var list []keptArtifact
	for _, e := range entries {
		k := keptArtifact{at: w.path(keptDir, e.Name())}
		info, statErr := e.Info()
		b, readErr := os.ReadFile(k.at)
		if statErr != nil || readErr != nil || json.Unmarshal(b, &k.keptNote) != nil || CheckDigest(k.Digest) != nil {
			continue // It is being written, or was removed by somebody else.
		}
		k.used = info.ModTime()
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b keptArtifact) int { return a.used.Compare(b.used) })
	return list, nil
}
