package build_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// lent is a workspace and a cache that has its node_modules.
func lent(t *testing.T) (ws *build.Workspace, root string) {
	t.Helper()
	root = t.TempDir()
	ws = workspaces(t, openCache(t, root, build.CacheOptions{}))
	require.NoError(t, ws.Give(t.Context(), "node_modules", "k/1"))
	return ws, root
}

func TestWhatIsBorrowedIsNotInTheCacheUntilItIsGivenBack(t *testing.T) {
	ws, root := lent(t)
	before := must(t, func() (os.FileInfo, error) { return os.Stat(filepath.Join(root, "k~1/tree/dep/bin.js")) })
	hit, err := ws.Borrow(t.Context(), "node_modules", "k/1")
	require.NoError(t, err)
	require.Equal(t, "k/1", hit)
	after := must(t, func() (os.FileInfo, error) { return os.Stat(filepath.Join(ws.Dir, "node_modules/dep/bin.js")) })
	require.True(t, os.SameFile(before, after), "nothing is copied")
	require.FileExists(t, filepath.Join(ws.Dir, "node_modules/@scope/own/index.js"))
	require.DirExists(t, filepath.Join(ws.Dir, "node_modules/@scope/empty"))

	other := workspaces(t, ws.Cache)
	require.NoError(t, os.RemoveAll(filepath.Join(other.Dir, "node_modules")))
	hit, err = other.Borrow(t.Context(), "node_modules", "k/1")
	require.NoError(t, err)
	require.Empty(t, hit, "it is lent to one at a time")

	require.NoError(t, ws.Give(t.Context(), "node_modules", "k/1"))
	require.NoDirExists(t, filepath.Join(ws.Dir, "node_modules"))
	hit, err = other.Borrow(t.Context(), "node_modules", "k/1")
	require.NoError(t, err)
	require.Equal(t, "k/1", hit)
}

func must[T any](t *testing.T, f func() (T, error)) T {
	t.Helper()
	v, err := f()
	require.NoError(t, err)
	return v
}

func TestWhatABuildAddedToWhatItBorrowedIsGoneTheNextTime(t *testing.T) {
	ws, _ := lent(t)
	must(t, func() (string, error) { return ws.Borrow(t.Context(), "node_modules", "k/1") })
	modules := filepath.Join(ws.Dir, "node_modules")
	first := digestOf(t, filepath.Join(modules, "dep"))
	require.NoError(t, os.MkdirAll(filepath.Join(modules, ".cache/deep"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(modules, ".cache/deep/x"), nil, 0o644))
	require.NoError(t, os.WriteFile(filepath.Join(modules, "dep/stray"), nil, 0o600))
	require.NoError(t, os.Symlink("/etc", filepath.Join(modules, "dep/deep/out")))
	require.NoError(t, os.RemoveAll(filepath.Join(modules, "@scope/empty")))
	require.NoError(t, os.Chmod(filepath.Join(modules, "dep/bin.js"), 0o600))
	require.NoError(t, ws.Give(t.Context(), "node_modules", "k/1"))
	require.Equal(t, "k/1", must(t, func() (string, error) { return ws.Borrow(t.Context(), "node_modules", "k/1") }))
	require.Equal(t, first, digestOf(t, filepath.Join(modules, "dep")))
	require.NoDirExists(t, filepath.Join(modules, ".cache"))
	require.DirExists(t, filepath.Join(modules, "@scope/empty"))
	require.Equal(t, os.FileMode(0o644), must(t, func() (os.FileInfo, error) { return os.Stat(filepath.Join(modules, "dep/bin.js")) }).Mode())
}

func TestWhatABuildChangedInWhatItBorrowedIsNotTrusted(t *testing.T) {
	for name, spoil := range map[string]func(modules string) error{
		"a file":         func(m string) error { return os.WriteFile(filepath.Join(m, "dep/bin.js"), []byte("evil"), 0o644) },
		"a file is gone": func(m string) error { return os.Remove(filepath.Join(m, "dep/bin.js")) },
		"a link": func(m string) error {
			return errors.Join(os.Remove(filepath.Join(m, ".bin/dep")), os.Symlink("../dep/deep", filepath.Join(m, ".bin/dep")))
		},
		"a link is gone": func(m string) error { return os.Remove(filepath.Join(m, "@scope/own")) },
		"a link became a file": func(m string) error {
			return errors.Join(os.Remove(filepath.Join(m, ".bin/dep")), os.WriteFile(filepath.Join(m, ".bin/dep"), nil, 0o644))
		},
		"a directory is a link": func(m string) error {
			return errors.Join(os.Rename(filepath.Join(m, "dep/deep"), filepath.Join(m, "else")), os.Symlink("../else", filepath.Join(m, "dep/deep")))
		},
		"all": os.RemoveAll,
	} {
		ws, root := lent(t)
		must(t, func() (string, error) { return ws.Borrow(t.Context(), "node_modules", "k/1") })
		require.NoError(t, spoil(filepath.Join(ws.Dir, "node_modules")), name)
		if err := ws.Give(t.Context(), "node_modules", "k/1"); name == "all" {
			require.Error(t, err)
		} else {
			require.NoError(t, err, name)
		}
		hit, err := ws.Borrow(t.Context(), "node_modules", "k/1")
		require.NoError(t, err, name)
		require.Empty(t, hit, name)
		require.Empty(t, must(t, func() ([]string, error) { return filepath.Glob(filepath.Join(root, "*")) }), "%s: it is dropped", name)
	}
}

func TestABorrowedDirectoryDoesNotReplaceOneThatWasSavedMeanwhile(t *testing.T) {
	ws, root := lent(t)
	must(t, func() (string, error) { return ws.Borrow(t.Context(), "node_modules", "k/1") })
	other := workspaces(t, ws.Cache)
	require.NoError(t, other.Give(t.Context(), "node_modules", "k/1"))
	require.NoError(t, ws.Give(t.Context(), "node_modules", "k/1"))
	require.Equal(t, []string{filepath.Join(root, "k~1")}, must(t, func() ([]string, error) { return filepath.Glob(filepath.Join(root, "*")) }))
	require.Equal(t, "k/1", must(t, func() (string, error) { return ws.Borrow(t.Context(), "node_modules", "k/1") }))
}

func TestAWorkshopGivesBackWhatAFailedBuildHasBorrowed(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	require.NoError(t, c.Save(t.Context(), tree(t, sample), "k/1"))
	w := workshop(t, t.TempDir(), builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
		hit, err := ws.Borrow(ctx, "node_modules", "k/1")
		assert.Equal(t, "k/1", hit)
		return build.Output{}, errors.Join(err, errors.New("a typing mistake"))
	}), func(config *build.WorkshopConfig) { config.Cache = c })
	for range 2 {
		_, err := w.Artifact(t.Context(), rev(1), nil)
		require.ErrorContains(t, err, "a typing mistake")
	}
	hit, _ := restored(t, c, "k/1")
	require.Equal(t, "k/1", hit)
}

// TestManyBuildsWantOneDirectoryAtOnce has each of them borrow it, or make it where it is
// lent, or pledge what it made: each has the whole of it to itself, and one is left.
func TestManyBuildsWantOneDirectoryAtOnce(t *testing.T) {
	root := t.TempDir()
	want := digestOf(t, filepath.Join(workspaces(t, nil).Dir, "node_modules/dep"))
	var wait sync.WaitGroup
	for i := range 6 {
		// As many processes do, each has the cache open for itself.
		c, dirs := openCache(t, root, build.CacheOptions{}), t.TempDir()
		wait.Go(func() {
			for n := range 20 {
				ws := &build.Workspace{Dir: filepath.Join(dirs, fmt.Sprint(n)), Cache: c}
				if err := useModules(t.Context(), ws, want, (i+n)%3); err != nil {
					t.Errorf("build %d of %d: %v", n, i, err)
				}
			}
		})
	}
	wait.Wait()
	require.Equal(t, []string{"k~1"}, inCache(t, root))
	hit, dir := restored(t, openCache(t, root, build.CacheOptions{}), "k/1")
	require.Equal(t, "k/1", hit)
	require.Equal(t, want, digestOf(t, filepath.Join(dir, "dep")))
}

// useModules is one build: it gets the directory, looks whether it is whole and its own,
// spoils it, and hands it back in one of three ways.
func useModules(ctx context.Context, ws *build.Workspace, want string, way int) error {
	if err := os.MkdirAll(ws.Dir, 0o755); err != nil {
		return err
	}
	hit, err := ws.Borrow(ctx, "node_modules", "k/1")
	if err != nil {
		return err
	}
	at := filepath.Join(ws.Dir, "node_modules")
	if hit == "" {
		if err := errors.Join(writeFile(ws, "node_modules/dep/bin.js", "dep"), writeFile(ws, "node_modules/dep/deep/er.js", "er")); err != nil {
			return err
		}
		if way == 0 {
			if err := ws.Pledge(ctx, "node_modules", "k/1"); err != nil {
				return err
			}
		}
	}
	a, err := build.Record(ctx, filepath.Join(at, "dep"), build.RecordOptions{})
	if err != nil {
		return err
	}
	if a.Digest != want {
		return errors.New("it is not whole")
	}
	defer ws.Settle()
	switch way {
	case 0:
		_, err = ws.Redeem(ctx, "node_modules")
	case 1:
		err = ws.Give(ctx, "node_modules", "k/1")
	}
	return err
}
