// Package ramdisk has tests keep their temporary files in memory, where a machine
// has a place for that. What muster makes durable it waits for, file by file; on a disk
// that others write to as well, a test of a host's script spends most of its time so,
// and no test can take the power away to find out what that was good for.
package ramdisk

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// place is where Linux keeps files in memory.
const place = "/dev/shm"

// Use is UseIf for tests that write little.
func Use() (remove func()) { return UseIf(1 << 30) }

// UseIf has os.TempDir, and with it every test's TempDir, be a directory in memory, and
// returns what removes it. Where there is no such place, or less room than so many bytes,
// or where programs may not be run from it, all stays as it is. It is for a package's
// TestMain.
func UseIf(room uint64) (remove func()) {
	var disk syscall.Statfs_t
	if syscall.Statfs(place, &disk) != nil || uint64(disk.Bavail)*uint64(disk.Bsize) < room {
		return func() {}
	}
	dir, err := os.MkdirTemp(place, "muster-test-")
	if err != nil {
		return func() {}
	}
	remove = func() { _ = os.RemoveAll(dir) }
	if !runs(dir) || os.Setenv("TMPDIR", dir) != nil {
		remove()
		return func() {}
	}
	return remove
}

// runs says whether programs may be run from a directory.
func runs(dir string) bool {
	file := filepath.Join(dir, "program")
	defer os.Remove(file)
	return os.WriteFile(file, []byte("#!/bin/sh\n"), 0o755) == nil && exec.Command(file).Run() == nil
}
