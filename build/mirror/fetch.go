package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build/internal/filelock"
)

// Fetch brings the mirror up to date: new commits of all branches come, branches
// that are gone go, and a force-push is followed. One fetch runs at a time,
// whatever process asks; the others wait for it, as long as ctx lasts. The error
// of a repository that is gone names its URL and git's last lines; the mirror then
// keeps what it had.
func (m *Mirror) Fetch(ctx context.Context) error {
	if err := m.fetch(ctx); err != nil {
		return fmt.Errorf("fetch %s: %w", m.remote.shown, err)
	}
	return nil
}

func (m *Mirror) fetch(ctx context.Context) error {
	ctx, stop := context.WithTimeoutCause(ctx, m.config.Timeout, fmt.Errorf("it takes longer than %v", m.config.Timeout))
	defer stop()
	lock, err := filelock.Acquire(ctx, m.lockFile())
	if err != nil {
		return err
	}
	defer lock.Release()
	if err := removeStaleLocks(m.config.Dir); err != nil {
		return err
	}
	args := []string{"fetch", "--quiet", "--prune", "--no-tags", "--force", "--update-shallow", "--no-write-fetch-head"}
	if m.shallow() {
		// The remote may have been completed since: ask for all there is.
		args = append(args, "--depth=2147483647")
	}
	args = append(args, "--", m.remote.shown, "+refs/heads/*:refs/heads/*")
	// Git and whatever it starts inherit the lock: when this process is killed,
	// nobody fetches into the mirror before they have ended.
	_, err = m.git(ctx, command{args: args, extra: []*os.File{lock.File()}})
	return err
}

// removeStaleLocks removes the lock files that a killed git left behind. The
// caller holds the mirror's lock, so no git that writes is alive.
func removeStaleLocks(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if d.IsDir() && d.Name() == "objects" && path != dir {
			return fs.SkipDir
		}
		if !d.IsDir() && strings.HasSuffix(path, ".lock") {
			return os.Remove(path)
		}
		return nil
	})
}
