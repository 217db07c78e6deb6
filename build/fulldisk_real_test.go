//go:build integration

package build_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// smallDisk is a file system of some megabytes.
func smallDisk(t *testing.T, megabytes string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, syscall.Mount("muster", dir, "tmpfs", 0, "size="+megabytes+"m"), "this test mounts a small disk, which needs root")
	t.Cleanup(func() { assert.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH)) })
	return dir
}

// ballast fills a disk but for so many bytes, and returns what makes room again.
func ballast(t *testing.T, dir string, free int64) (relieve func()) {
	t.Helper()
	var fs syscall.Statfs_t
	require.NoError(t, syscall.Statfs(dir, &fs))
	at := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(at, make([]byte, int64(fs.Bavail)*fs.Bsize-free), 0o644))
	return func() { require.NoError(t, os.Remove(at)) }
}

// names lists a directory.
func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func TestRealAFullDiskFailsABuildAndLeavesNothingHalf(t *testing.T) {
	for name, step := range map[string]struct {
		free int64 // bytes left when the build begins
		size string
		err  string
	}{
		"in the checkout":      {0, "1", "no space left on device"},
		"in a command":         {1 << 20, "2000000", "its output ends with:\ndd: error writing"},
		"in the store":         {3 << 20, "2000000", "no space left on device"},
		"after the space came": {10 << 20, "2000000", ""},
	} {
		disk := smallDisk(t, "20")
		builder := builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			err := ws.Run(ctx, sh("mkdir out && dd if=/dev/urandom of=out/app bs="+step.size+" count=1 && echo 1 >>out/app"))
			return build.Output{Dir: "out"}, err
		})
		w := workshop(t, filepath.Join(disk, "shop"), builder, func(c *build.WorkshopConfig) { c.Source = bulky{} })
		relieve := ballast(t, disk, step.free)
		_, err := w.Artifact(t.Context(), rev(1), nil)
		if step.err == "" {
			require.NoError(t, err, name)
		} else {
			require.ErrorContains(t, err, step.err, name)
		}
		for dir, want := range map[string]int{"checkouts": 0, "locks": 0, "cache": 0} {
			assert.Len(t, names(t, filepath.Join(disk, "shop", dir)), want, "%s: %s", name, dir)
		}
		assert.Empty(t, must(t, func() ([]string, error) { return filepath.Glob(filepath.Join(disk, "shop/store/*/~*")) }), name)
		relieve()
		a, err := w.Artifact(t.Context(), rev(1), nil)
		require.NoError(t, err, "%s: the same workshop goes on when there is room", name)
		require.NoError(t, build.Extract(t.Context(), a, filepath.Join(t.TempDir(), "out"), build.UnpackOptions{}), name)
	}
}

// bulky is a source of trees that take some room.
type bulky struct{}

func (bulky) Checkout(_ context.Context, revision, dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "REVISION"), []byte(strings.Repeat(revision, 1000)), 0o644))
}

func TestRealAFullDiskCostsTheCacheNothingThatItHad(t *testing.T) {
	disk := smallDisk(t, "20")
	at := filepath.Join(disk, "cache")
	c := openCache(t, at, build.CacheOptions{})
	big := tree(t, map[string]string{"a/one": strings.Repeat("1", 2e6), "b/two": strings.Repeat("2", 2e6)})
	require.NoError(t, c.Save(t.Context(), big, "k/1"))
	before := digestOf(t, big)

	relieve := ballast(t, disk, 1<<20)
	require.ErrorIs(t, c.Save(t.Context(), big, "k/2"), syscall.ENOSPC)
	// A copy into the full disk fails, and is no reason to distrust what is cached.
	ws := &build.Workspace{Dir: filepath.Join(disk, "tree"), Cache: c}
	require.NoError(t, os.MkdirAll(filepath.Join(ws.Dir, "own"), 0o755))
	_, err := ws.Restore(t.Context(), "modules", "k/1")
	require.ErrorIs(t, err, syscall.ENOSPC)
	require.NoDirExists(t, filepath.Join(ws.Dir, "modules"))
	require.Equal(t, []string{"own"}, names(t, ws.Dir))
	require.Equal(t, []string{"k~1"}, names(t, at))

	// What is moved needs no room at all.
	require.Equal(t, "k/1", must(t, func() (string, error) { return ws.Borrow(t.Context(), "modules", "k/1") }))
	require.NoError(t, ws.Give(t.Context(), "modules", "k/1"))
	relieve()
	require.Equal(t, "k/1", must(t, func() (string, error) { return ws.Restore(t.Context(), "modules", "k/1") }))
	require.Equal(t, before, digestOf(t, filepath.Join(ws.Dir, "modules")))

	// A disk of its own cannot lend: the files are copied, and the cache keeps its own.
	elsewhere := &build.Workspace{Dir: t.TempDir(), Cache: c}
	require.Equal(t, "k/1", must(t, func() (string, error) { return elsewhere.Borrow(t.Context(), "modules", "k/1") }))
	require.Equal(t, before, digestOf(t, filepath.Join(elsewhere.Dir, "modules")))
	require.Equal(t, []string{"k~1"}, names(t, at))

	// Nor can it be handed over: what is pledged is copied at once, and stays in the tree.
	require.NoError(t, elsewhere.Pledge(t.Context(), "modules", "k/3"))
	require.Equal(t, []string{"k~1", "k~3"}, names(t, at))
	require.False(t, must(t, func() (bool, error) { return elsewhere.Redeem(t.Context(), "modules") }))
	require.Equal(t, before, digestOf(t, filepath.Join(elsewhere.Dir, "modules")))
	_, again := restored(t, c, "k/3")
	require.Equal(t, before, digestOf(t, again))
}
