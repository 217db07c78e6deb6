//go:build linux || darwin || freebsd || netbsd || openbsd

package command

import (
	"os"
	"syscall"
	"unsafe"
)

// width returns the width of the terminal that f is, or zero when it is none.
func width(f *os.File) int {
	var size struct{ rows, columns, x, y uint16 }
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, f.Fd(), syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size)))
	if errno != 0 {
		return 0
	}
	if size.columns == 0 {
		return 80 // a terminal that does not know
	}
	return int(size.columns)
}
