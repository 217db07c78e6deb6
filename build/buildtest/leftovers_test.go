package buildtest_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
)

func TestLeftoversAreFound(t *testing.T) {
	dir, at := t.TempDir(), t.TempDir()
	c, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	ws := &build.Workspace{Dir: dir, Cache: c}
	require.NoError(t, buildtest.WriteTree(dir, map[string]string{"own/x": "x", "lib/a": "a"}))
	require.NoError(t, os.Symlink("../own", filepath.Join(dir, "lib/own")))
	require.NoError(t, ws.Save(t.Context(), "lib", "k/1"))
	require.NoError(t, buildtest.Leftovers(t.Context(), dir, at))

	require.NoError(t, os.WriteFile(filepath.Join(at, "k~1/tree/a"), []byte("b"), 0o644))
	require.ErrorContains(t, buildtest.Leftovers(t.Context(), dir, at), "k~1: it is broken")
	require.NoError(t, ws.Pledge(t.Context(), "lib", "k/2"))
	require.ErrorContains(t, buildtest.Leftovers(t.Context(), dir, at), ": it is unfinished")
	ws.Settle()
	require.NoError(t, buildtest.Leftovers(t.Context(), dir, at))

	sleeper := exec.Command("sleep", "32")
	sleeper.Dir = dir
	require.NoError(t, sleeper.Start())
	defer func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() }()
	require.ErrorContains(t, buildtest.Leftovers(t.Context(), dir, at), "still running: sleep 32")
	require.Error(t, buildtest.Leftovers(t.Context(), t.TempDir(), filepath.Join(at, "nowhere")))
}
