package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Checkout writes the tree of a revision, a full commit id, into dir, which is
// missing or empty. There is no .git in it: what is built cannot depend on the
// history, nor ship it. A revision that the mirror lacks is fetched first; one that
// is on no branch is ErrNoRevision. After an error dir is as it was before.
//
// Line ends are those of the repository, and filters run only where the user's git
// configuration sets them up (as for large files). Submodules stay empty.
func (m *Mirror) Checkout(ctx context.Context, revision, dir string) error {
	if err := m.checkout(ctx, revision, dir); err != nil {
		return fmt.Errorf("check out %.12s of %s: %w", revision, m.remote.shown, err)
	}
	return nil
}

func (m *Mirror) checkout(ctx context.Context, revision, dir string) error {
	if err := m.bring(ctx, revision); err != nil {
		return err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s is not empty", dir)
	}
	_, statErr := os.Stat(dir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	err = m.write(ctx, revision, dir)
	if err != nil {
		err = errors.Join(err, empty(dir))
		if errors.Is(statErr, os.ErrNotExist) {
			err = errors.Join(err, os.Remove(dir))
		}
	}
	return err
}

// bring makes sure that the mirror holds revision.
func (m *Mirror) bring(ctx context.Context, revision string) error {
	err := m.holds(ctx, revision)
	if !errors.Is(err, ErrNoRevision) || checkRevision(revision) != nil {
		return err
	}
	if err := m.Fetch(ctx); err != nil {
		return err
	}
	return m.holds(ctx, revision)
}

// write fills dir by way of an index of its own, which lies elsewhere: git keeps
// no note of the checkout, so that none is left over when it is removed.
func (m *Mirror) write(ctx context.Context, revision, dir string) error {
	aside, err := os.MkdirTemp("", "muster-index-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(aside)
	env := []string{"GIT_INDEX_FILE=" + filepath.Join(aside, "index"), "GIT_WORK_TREE=" + dir}
	if _, err := m.git(ctx, command{args: []string{"read-tree", revision}, env: env}); err != nil {
		return err
	}
	_, err = m.git(ctx, command{args: []string{"checkout-index", "--all", "--quiet"}, env: env})
	return err
}

// empty removes what is in dir.
func empty(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	return err
}
