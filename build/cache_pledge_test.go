package build_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// pledged is a workspace that has promised its node_modules to an empty cache.
func pledged(t *testing.T) (ws *build.Workspace, root string) {
	t.Helper()
	root = t.TempDir()
	ws = workspaces(t, openCache(t, root, build.CacheOptions{}))
	require.NoError(t, ws.Pledge(t.Context(), "node_modules", "k/1"))
	return ws, root
}

// inCache lists the directories of a cache, also unfinished ones.
func inCache(t *testing.T, root string) (names []string) {
	t.Helper()
	for _, e := range must(t, func() ([]os.DirEntry, error) { return os.ReadDir(root) }) {
		names = append(names, e.Name())
	}
	return names
}

func TestWhatIsPledgedIsRedeemedWithoutACopyAndIsInTheArtifact(t *testing.T) {
	ws, root := pledged(t)
	program := filepath.Join(ws.Dir, "node_modules/dep/bin.js")
	before := must(t, func() (os.FileInfo, error) { return os.Stat(program) })
	want := must(t, func() (*build.Artifact, error) { return ws.Record(t.Context(), build.Output{}, build.Limits{}) })
	other := workspaces(t, ws.Cache)
	require.NoError(t, os.RemoveAll(filepath.Join(other.Dir, "node_modules")))
	require.Empty(t, must(t, func() (string, error) { return other.Restore(t.Context(), "node_modules", "k/1") }), "it is not there yet")

	require.NoError(t, os.WriteFile(filepath.Join(ws.Dir, "node_modules/dep/stray"), nil, 0o644))
	require.True(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }))
	require.NoDirExists(t, filepath.Join(ws.Dir, "node_modules"))
	after := must(t, func() (os.FileInfo, error) { return os.Stat(filepath.Join(root, "k~1/tree/dep/bin.js")) })
	require.True(t, os.SameFile(before, after), "nothing is copied")
	got := must(t, func() (*build.Artifact, error) { return ws.Record(t.Context(), build.Output{}, build.Limits{}) })
	assert.Equal(t, want.Manifest, got.Manifest, "with its links, without what was added")
	require.NoError(t, build.Extract(t.Context(), got, filepath.Join(t.TempDir(), "out"), build.UnpackOptions{}))
	require.Equal(t, "k/1", must(t, func() (string, error) { return other.Restore(t.Context(), "node_modules", "k/1") }))
	require.FileExists(t, filepath.Join(other.Dir, "node_modules/dep/bin.js"))
	require.NoFileExists(t, filepath.Join(other.Dir, "node_modules/dep/stray"))
	require.False(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }), "once")
}

func TestWhatABuildChangedInWhatItPledgedStaysInItsTreeAlone(t *testing.T) {
	for name, change := range map[string]func(modules string) error{
		"a file":         func(m string) error { return os.WriteFile(filepath.Join(m, "dep/bin.js"), []byte("more"), 0o644) },
		"a file is gone": func(m string) error { return os.Remove(filepath.Join(m, "dep/bin.js")) },
		"a link": func(m string) error {
			return errors.Join(os.Remove(filepath.Join(m, ".bin/dep")), os.Symlink("../dep/deep", filepath.Join(m, ".bin/dep")))
		},
	} {
		ws, root := pledged(t)
		modules := filepath.Join(ws.Dir, "node_modules")
		require.NoError(t, change(modules), name)
		require.False(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }), name)
		require.DirExists(t, modules, name)
		require.Empty(t, inCache(t, root), name)
		_, err := ws.Record(t.Context(), build.Output{}, build.Limits{})
		require.NoError(t, err, name)
	}
}

func TestWhatAnotherBuildKeptMeanwhileIsNotReplacedByWhatWasPledged(t *testing.T) {
	ws, root := pledged(t)
	other := workspaces(t, ws.Cache)
	require.NoError(t, other.Give(t.Context(), "node_modules", "k/1"))
	kept := must(t, func() (os.FileInfo, error) { return os.Stat(filepath.Join(root, "k~1")) })
	require.False(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }))
	require.FileExists(t, filepath.Join(ws.Dir, "node_modules/dep/bin.js"), "it is back where it was")
	require.Equal(t, []string{"k~1"}, inCache(t, root))
	require.True(t, os.SameFile(kept, must(t, func() (os.FileInfo, error) { return os.Stat(filepath.Join(root, "k~1")) })))
	require.NoError(t, ws.Pledge(t.Context(), "node_modules", "k/1"))
	require.False(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }), "it is there already")
}

func TestWhatIsTooLargeForTheCacheIsNotPledged(t *testing.T) {
	root := t.TempDir()
	ws := workspaces(t, openCache(t, root, build.CacheOptions{MaxBytes: 1}))
	require.ErrorContains(t, ws.Pledge(t.Context(), "node_modules", "k/1"), "raise CacheOptions.MaxBytes")
	require.Empty(t, inCache(t, root))
	require.False(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }))
	require.ErrorContains(t, ws.Pledge(t.Context(), "../x", "k/1"), "not a directory inside the workspace")
	require.Error(t, ws.Pledge(t.Context(), "node_modules", "k/"))
}

func TestARedeemedDirectoryMakesRoomForItself(t *testing.T) {
	root := t.TempDir()
	ws := workspaces(t, openCache(t, root, build.CacheOptions{MaxBytes: 100}))
	require.NoError(t, ws.Cache.Save(t.Context(), tree(t, map[string]string{"old": string(make([]byte, 99))}), "old/1"))
	require.NoError(t, ws.Pledge(t.Context(), "node_modules", "k/1"))
	require.True(t, must(t, func() (bool, error) { return ws.Redeem(t.Context(), "node_modules") }))
	require.Equal(t, []string{"k~1"}, inCache(t, root))
}

func TestAWorkshopKeepsWhatAFailedBuildHasPledged(t *testing.T) {
	root := t.TempDir()
	c := openCache(t, root, build.CacheOptions{})
	w := workshop(t, t.TempDir(), builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
		assert.NoError(t, writeFile(ws, "vendor/gem", "gem"))
		return build.Output{}, errors.Join(ws.Pledge(ctx, "vendor", "k/1"), errors.New("a typing mistake"))
	}), func(config *build.WorkshopConfig) { config.Cache = c })
	_, err := w.Artifact(t.Context(), rev(1), nil)
	require.ErrorContains(t, err, "a typing mistake")
	require.Equal(t, []string{"k~1"}, inCache(t, root))
	_, dir := restored(t, c, "k/1")
	require.FileExists(t, filepath.Join(dir, "gem"))
}

// writeFile writes one file of a workspace.
func writeFile(ws *build.Workspace, name, text string) error {
	at := filepath.Join(ws.Dir, name)
	return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(text), 0o644))
}

func TestACacheThatLosesWhatWasRedeemedCostsASecondBuild(t *testing.T) {
	dir, root := t.TempDir(), t.TempDir()
	c := openCache(t, root, build.CacheOptions{})
	var builds atomic.Int32
	w := workshop(t, dir, builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
		err := errors.Join(writeFile(ws, "vendor/gem", "gem"), ws.Pledge(ctx, "vendor", "k/1"))
		redeemed, redeemErr := ws.Redeem(ctx, "vendor")
		err = errors.Join(err, redeemErr)
		if builds.Add(1) == 1 {
			assert.True(t, redeemed)
			return build.Output{}, errors.Join(err, os.RemoveAll(filepath.Join(root, "k~1")))
		}
		assert.False(t, redeemed, "the second time nothing is left to chance")
		return build.Output{}, err
	}), func(config *build.WorkshopConfig) { config.Cache = c })
	a, err := w.Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err)
	require.Equal(t, int32(2), builds.Load())
	_, err = a.Files.Open("vendor/gem")
	require.NoError(t, err)
	noCheckoutsLeft(t, dir)
}
