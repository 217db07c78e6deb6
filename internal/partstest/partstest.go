// Package partstest finds the real parts that integration tests use: applications,
// servers and tools. The script .ci/setup puts them in place.
package partstest

import (
	"os"
	"path/filepath"
	"testing"
)

// Dir returns the directory of a part, which is the name of a script in .ci/parts.
// A part that is not there, or not whole, fails the test: a suite that skips in
// silence proves nothing.
func Dir(t testing.TB, name string) string {
	t.Helper()
	root, err := root()
	if err != nil {
		t.Fatalf("look for the part %s: %v; set MUSTER_PARTS", name, err)
	}
	dir := filepath.Join(root, name)
	if _, err := os.Stat(filepath.Join(dir, "ready")); err != nil {
		t.Fatalf("the part %q is missing (%v): run bash .ci/setup %s", name, err, name)
	}
	return dir
}

// root returns the directory of all parts.
func root() (string, error) {
	if dir := os.Getenv("MUSTER_PARTS"); dir != "" {
		return filepath.Abs(dir)
	}
	cache, err := os.UserCacheDir()
	return filepath.Join(cache, "muster-parts"), err
}
