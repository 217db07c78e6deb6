//go:build !linux

package build

import (
	"errors"
	"os"
)

// reflink is not known here: files are copied.
func reflink(*os.File, *os.File) error { return errors.ErrUnsupported }
