//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filelock

import (
	"errors"
	"os"
	"syscall"
)

// flock locks an open file without waiting, and reports whether it could. The lock
// belongs to this opening of the file, so two in one process exclude each other
// too, and it ends when the file is closed, by whatever end the process meets.
func flock(f *os.File) (bool, error) {
	raw, err := f.SyscallConn()
	if err != nil {
		return false, err
	}
	var failure error
	err = raw.Control(func(fd uintptr) {
		for failure = syscall.EINTR; errors.Is(failure, syscall.EINTR); {
			failure = syscall.Flock(int(fd), syscall.LOCK_EX|syscall.LOCK_NB)
		}
	})
	if errors.Is(failure, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err = errors.Join(err, failure); err != nil {
		return false, &os.PathError{Op: "flock", Path: f.Name(), Err: err}
	}
	return true, nil
}
