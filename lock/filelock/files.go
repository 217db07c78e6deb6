package filelock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// files is what a Store asks of a file system, one step each: the steps at which a
// process can be killed. All names are in one directory. Its String says which.
type files interface {
	fmt.Stringer

	// Lock makes the caller the only one, among all processes, who has locked the
	// name, or returns the cause of ctx's end. The lock dies with its process.
	Lock(ctx context.Context, name string) (unlock func(), err error)

	// Read returns a file, at most limit bytes of it and one more if there are more.
	Read(name string, limit int64) ([]byte, error)

	// Create creates a file that was not there, under a name that may have been.
	Create(name string) (file, error)
	Rename(from, to string) error
	Remove(name string) error

	// Sync makes the names durable that were created and renamed before.
	Sync() error
}

// file is a file that is being written. Sync makes its bytes durable, not its name.
type file interface {
	io.Writer
	Sync() error
	Close() error
}

// directory is the real directory of that path.
type directory string

// openDirectory creates the directory if it is not there, durably.
func openDirectory(dir string) (directory, error) {
	path, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	missing := []string{path} // Its own name is synced always: its maker may have died.
	for p := filepath.Dir(path); p != filepath.Dir(p); p = filepath.Dir(p) {
		if _, err := os.Stat(p); err == nil {
			break
		}
		missing = append(missing, p)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return "", err
	}
	for _, p := range missing {
		// A parent that may not be read was made by somebody else, long before.
		if err := directory(filepath.Dir(p)).Sync(); err != nil && !errors.Is(err, fs.ErrPermission) {
			return "", err
		}
	}
	return directory(path), nil
}

func (d directory) String() string { return string(d) }

func (d directory) path(name string) string { return filepath.Join(string(d), name) }

// Lock polls, because a lock that is waited for in the kernel cannot be given up.
func (d directory) Lock(ctx context.Context, name string) (func(), error) {
	for pause := 500 * time.Microsecond; ; pause = min(2*pause, 20*time.Millisecond) {
		f, err := d.tryLock(name)
		if err != nil {
			return nil, err
		}
		if f != nil {
			return func() { _ = f.Close() }, nil
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// tryLock returns the locked file, or nil if another process has locked it. A file
// that was replaced while we locked it locks nothing.
func (d directory) tryLock(name string) (*os.File, error) {
	f, err := os.OpenFile(d.path(name), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	locked, err := flock(f)
	if err == nil && locked {
		var ours, there fs.FileInfo
		ours, err = f.Stat()
		if err == nil {
			there, err = os.Stat(d.path(name))
		}
		if err == nil && os.SameFile(ours, there) {
			return f, nil
		}
	}
	_ = f.Close()
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return nil, err
}

func (d directory) Read(name string, limit int64) ([]byte, error) {
	f, err := os.Open(d.path(name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit+1))
}

func (d directory) Create(name string) (file, error) {
	if err := d.Remove(name); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(d.path(name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // Not f: a nil *os.File is no nil file.
	}
	return f, nil
}

func (d directory) Rename(from, to string) error { return os.Rename(d.path(from), d.path(to)) }

func (d directory) Remove(name string) error {
	if err := os.Remove(d.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (d directory) Sync() error {
	f, err := os.Open(string(d))
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
