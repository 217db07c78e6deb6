package build

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build/internal/filelock"
)

// checkout is the directory of one build. Its lock lives as long as the process:
// where the lock is free, the process is gone.
type checkout struct {
	dir  string
	lock *filelock.Lock
}

// lockSuffix makes a checkout's lock of its path.
const lockSuffix = ".lock"

// newCheckout names a directory for a build, and takes its lock first.
func (w *Workshop) newCheckout(revision string) (*checkout, error) {
	dir := w.path(checkoutsDir, revision[:12]+"-"+rand.Text())
	lock, err := filelock.Try(dir + lockSuffix)
	if err != nil {
		return nil, err
	}
	return &checkout{dir: dir, lock: lock}, nil
}

// remove deletes the directory and its lock.
func (c *checkout) remove() error {
	err := removeTree(c.dir)
	c.lock.Remove()
	return err
}

// removeTree removes a directory, also where a build made parts of it read-only.
func removeTree(dir string) error {
	if os.RemoveAll(dir) == nil {
		return nil
	}
	_ = filepath.WalkDir(dir, func(p string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(p, 0o700)
		}
		return nil
	})
	return os.RemoveAll(dir)
}

// sweepCheckouts removes what killed processes left: the processes that still work
// in a checkout, then the checkout.
func (w *Workshop) sweepCheckouts() error {
	entries, err := os.ReadDir(w.path(checkoutsDir))
	for _, e := range entries {
		name, isLock := strings.CutSuffix(e.Name(), lockSuffix)
		if !isLock && hasLock(entries, name) {
			continue
		}
		dir := w.path(checkoutsDir, name)
		lock, lockErr := filelock.Try(dir + lockSuffix)
		if errors.Is(lockErr, filelock.ErrHeld) {
			continue
		}
		if lockErr != nil {
			err = errors.Join(err, lockErr)
			continue
		}
		w.config.Logger.Info("remove a checkout that a killed process left", "dir", dir)
		killMarked(func(mark string) bool {
			_, at, _ := strings.Cut(mark, ":")
			return at == dir
		})
		err = errors.Join(err, (&checkout{dir, lock}).remove())
	}
	return err
}

// hasLock says whether a checkout's lock is listed: it is seen to by that.
func hasLock(entries []os.DirEntry, name string) bool {
	for _, e := range entries {
		if e.Name() == name+lockSuffix {
			return true
		}
	}
	return false
}
