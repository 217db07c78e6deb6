// Package filelock locks a file between processes and goroutines. The kernel gives
// the lock back when its holder dies.
//
//	lock, err := filelock.Acquire(ctx, "/var/lib/deployer/build.lock")
//	defer lock.Release()
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrHeld says that somebody else holds the lock.
var ErrHeld = errors.New("filelock: held by somebody else")

// Lock is a lock that is held.
type Lock struct{ file *os.File }

// Try takes the lock at path at once or returns ErrHeld. The file is made where it
// is missing; its directory has to be there.
func Try(path string) (*Lock, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("open lock: %w", err)
		}
		if err := flock(f); err != nil {
			f.Close()
			return nil, err
		}
		if isAt(f, path) {
			return &Lock{file: f}, nil
		}
		// The holder before us removed the file: what we locked has no name.
		f.Close()
	}
}

// flock locks f or returns ErrHeld.
func flock(f *os.File) error {
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EWOULDBLOCK):
			return ErrHeld
		}
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
}

// isAt says whether f is still what path names.
func isAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// Acquire takes the lock at path and waits for it as long as ctx lasts. It asks
// again every so often, as a wait in the kernel could not be called off.
func Acquire(ctx context.Context, path string) (*Lock, error) {
	wait := time.Millisecond
	for {
		l, err := Try(path)
		if !errors.Is(err, ErrHeld) {
			return l, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-time.After(wait):
		}
		wait = min(2*wait, 100*time.Millisecond)
	}
}

// File is the locked file. A child process that inherits it keeps the lock until
// it has ended too.
func (l *Lock) File() *os.File { return l.file }

// Release gives the lock back and leaves the file.
func (l *Lock) Release() { l.file.Close() }

// Remove deletes the file and gives the lock back.
func (l *Lock) Remove() {
	os.Remove(l.file.Name())
	l.file.Close()
}
