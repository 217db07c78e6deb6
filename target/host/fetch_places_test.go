package host_test

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// fixed is a depot that gives one URL for everything.
type fixed string

func (fixed) Put(context.Context, string, *io.SectionReader) error { return nil }
func (f fixed) URL(context.Context, string) (string, error)        { return string(f), nil }
func orderOf(a *build.Artifact) target.Order {
	return target.Order{Release: target.Release{Digest: a.Digest}}
}

// needWget skips where there is none that takes its URL from a file.
func needWget(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("wget"); err != nil {
		t.Skipf("not asked: %v", err)
	}
}

// lacking returns an environment without some commands.
func lacking(t *testing.T, commands ...string) []string {
	t.Helper()
	dir := t.TempDir()
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(from)
		for _, e := range entries {
			if !slices.Contains(commands, e.Name()) {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name()))
			}
		}
	}
	return []string{"PATH=" + dir}
}

// quick has the script's pauses take no time.
func (j *journey) quick(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sleep"), []byte("#!/bin/sh\n"), 0o755))
	path := os.Getenv("PATH")
	if j.transport.Env != nil {
		path = j.transport.Env[0][len("PATH="):]
	}
	j.transport.Env = []string{"PATH=" + dir + ":" + path}
}
