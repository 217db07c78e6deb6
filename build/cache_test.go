package build_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

func openCache(t *testing.T, dir string, o build.CacheOptions) *build.Cache {
	t.Helper()
	c, err := build.OpenCache(dir, o)
	require.NoError(t, err)
	return c
}

func restored(t *testing.T, c *build.Cache, keys ...string) (hit, dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "dir")
	hit, err := c.Restore(t.Context(), dir, keys...)
	require.NoError(t, err)
	return hit, dir
}

func digestOf(t *testing.T, dir string) string {
	t.Helper()
	a, err := build.Record(t.Context(), dir, build.RecordOptions{})
	require.NoError(t, err)
	return a.Digest
}

func TestWhatWasSavedIsRestoredWithItsTimes(t *testing.T) {
	for _, o := range []build.CacheOptions{{}, {LinkReadOnly: true}} {
		c := openCache(t, t.TempDir(), o)
		src := tree(t, sample)
		old := time.Date(2020, 2, 3, 4, 5, 6, 0, time.UTC)
		require.NoError(t, os.Chtimes(filepath.Join(src, "index.html"), old, old))
		require.NoError(t, c.Save(t.Context(), src, "gems/a/1"))
		hit, dir := restored(t, c, "gems/a/0", "gems/a/1")
		require.Equal(t, "gems/a/1", hit)
		require.Equal(t, digestOf(t, src), digestOf(t, dir))
		info, err := os.Stat(filepath.Join(dir, "index.html"))
		require.NoError(t, err)
		require.True(t, info.ModTime().Equal(old))
		require.Equal(t, o.LinkReadOnly, info.Mode()&0o200 == 0)
		_, err = c.Restore(t.Context(), dir, "gems/a/1")
		require.ErrorContains(t, err, "not empty")
	}
}

func TestWritingInARestoredDirectoryDoesNotSpoilTheCache(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	require.NoError(t, c.Save(t.Context(), tree(t, sample), "k"))
	_, dir := restored(t, c, "k")
	f, err := os.OpenFile(filepath.Join(dir, "index.html"), os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("HELLO")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	hit, _ := restored(t, c, "k")
	require.Equal(t, "k", hit)
}

func TestABrokenCacheIsDroppedAndTheNextKeyIsTried(t *testing.T) {
	for name, spoil := range map[string]func(at string) error{
		"changed": func(at string) error {
			return os.WriteFile(filepath.Join(at, "tree/index.html"), []byte("hellO"), 0o644)
		},
		"missing": func(at string) error { return os.Remove(filepath.Join(at, "tree/index.html")) },
		"a link out": func(at string) error {
			return errors.Join(os.RemoveAll(filepath.Join(at, "tree/sub")), os.Symlink("/etc", filepath.Join(at, "tree/sub")))
		},
		"a directory": func(at string) error {
			return errors.Join(os.Remove(filepath.Join(at, "tree/index.html")), os.Mkdir(filepath.Join(at, "tree/index.html"), 0o755))
		},
		"a pipe": func(at string) error {
			return errors.Join(os.Remove(filepath.Join(at, "tree/index.html")), syscall.Mkfifo(filepath.Join(at, "tree/index.html"), 0o644))
		},
		"colliding extras": func(at string) error {
			return os.WriteFile(filepath.Join(at, "extras"), []byte(`{"links": {"index.html": "assets"}}`), 0o644)
		},
		"no manifest": func(at string) error { return os.Remove(filepath.Join(at, "manifest")) },
		"cut":         func(at string) error { return os.Truncate(filepath.Join(at, "manifest"), 60) },
	} {
		root := t.TempDir()
		c := openCache(t, root, build.CacheOptions{})
		require.NoError(t, c.Save(t.Context(), tree(t, sample), "k/1"))
		require.NoError(t, c.Save(t.Context(), tree(t, map[string]string{"other": "x"}), "k/2"))
		require.NoError(t, spoil(filepath.Join(root, "k~1")))
		hit, dir := restored(t, c, "k/1", "k/2")
		require.Equal(t, "k/2", hit, name)
		require.FileExists(t, filepath.Join(dir, "other"))
		require.NoError(t, c.Save(t.Context(), tree(t, sample), "k/1"))
		hit, _ = restored(t, c, "k/1")
		require.Equal(t, "k/1", hit, "%s: it can be saved again", name)
	}
}

func TestAFallbackKeyStandsForTheNewestOfItsFamilyOnly(t *testing.T) {
	root := t.TempDir()
	c := openCache(t, root, build.CacheOptions{})
	for i, key := range []string{"gems/a/new", "gems/a/old", "gems/ab/x"} {
		require.NoError(t, c.Save(t.Context(), tree(t, map[string]string{"key": key}), key))
		at := time.Now().Add(-time.Duration(i) * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(root, strings.ReplaceAll(key, "/", "~"), "manifest"), at, at))
	}
	hit, _ := restored(t, c, "gems/a/none", "gems/a/")
	require.Equal(t, "gems/a/new", hit)
	hit, dir := restored(t, c, "gems/c/")
	require.Empty(t, hit)
	require.NoDirExists(t, dir)

	old := build.CacheKey{Name: "gems", Toolchain: "ruby 3.2.2", Inputs: "x"}
	other := old
	other.Toolchain = "ruby 3.3.0"
	require.NotEqual(t, old.Family(), other.Family(), "a Ruby change never reuses native gems")
	require.True(t, strings.HasPrefix(old.Exact(), old.Family()))
}

func TestTheLeastRecentlyUsedGoFirst(t *testing.T) {
	root := t.TempDir()
	c := openCache(t, root, build.CacheOptions{MaxBytes: 250})
	hundred := func(s string) string { return tree(t, map[string]string{"f": strings.Repeat(s, 100)}) }
	for i, key := range []string{"a", "b"} {
		require.NoError(t, c.Save(t.Context(), hundred(key), key))
		at := time.Now().Add(time.Duration(i-10) * time.Hour)
		require.NoError(t, os.Chtimes(filepath.Join(root, key, "used"), at, at))
	}
	restored(t, c, "a")
	require.NoError(t, c.Save(t.Context(), hundred("c"), "c"))
	for key, want := range map[string]string{"a": "a", "b": "", "c": "c"} {
		hit, _ := restored(t, c, key)
		require.Equal(t, want, hit)
	}
}

func TestManyProcessesShareACache(t *testing.T) {
	root := t.TempDir()
	src := tree(t, sample)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			c, err := build.OpenCache(root, build.CacheOptions{MaxBytes: 1_500_000})
			if err == nil {
				err = c.Save(t.Context(), src, fmt.Sprintf("k/%d", i%4))
			}
			if err == nil {
				dir := filepath.Join(t.TempDir(), "dir")
				var hit string
				if hit, err = c.Restore(t.Context(), dir, "k/"); err == nil && hit != "" && digestOf(t, dir) != digestOf(t, src) {
					t.Errorf("restored another tree")
				}
			}
			if err != nil {
				t.Errorf("beside others: %v", err)
			}
		})
	}
	wait.Wait()
	left, err := filepath.Glob(filepath.Join(root, "~*"))
	require.NoError(t, err)
	require.Empty(t, left)
}
