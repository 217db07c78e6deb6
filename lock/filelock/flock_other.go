//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package filelock

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// flock says that this system has no lock that ends with its process.
func flock(*os.File) (bool, error) {
	return false, fmt.Errorf("lock files on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
