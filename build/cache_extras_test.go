package build_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// workspaces makes a workspace as npm leaves it for an app with packages of its own:
// a link out of node_modules, one within, an empty directory, and a program.
func workspaces(t *testing.T, c *build.Cache) *build.Workspace {
	t.Helper()
	dir := tree(t, map[string]string{"packages/own/index.js": "own", "node_modules/dep/bin.js": "dep", "node_modules/dep/deep/er.js": "er"})
	modules := filepath.Join(dir, "node_modules")
	require.NoError(t, os.MkdirAll(filepath.Join(modules, "@scope", "empty"), 0o755))
	require.NoError(t, os.Mkdir(filepath.Join(modules, ".bin"), 0o755))
	require.NoError(t, os.Symlink("../dep/bin.js", filepath.Join(modules, ".bin", "dep")))
	require.NoError(t, os.Symlink("../../packages/own", filepath.Join(modules, "@scope", "own")))
	return &build.Workspace{Dir: dir, Cache: c}
}

func TestAWorkspaceKeepsLinksIntoItselfAndEmptyDirectories(t *testing.T) {
	for name, keep := range map[string]func(*build.Workspace) error{
		"saved": func(ws *build.Workspace) error { return ws.Save(t.Context(), "node_modules", "k") },
		"given": func(ws *build.Workspace) error { return ws.Give(t.Context(), "node_modules", "k") },
	} {
		t.Run(name, func(t *testing.T) {
			c := openCache(t, t.TempDir(), build.CacheOptions{})
			require.NoError(t, keep(workspaces(t, c)))
			next := workspaces(t, c)
			require.NoError(t, os.RemoveAll(filepath.Join(next.Dir, "node_modules")))
			hit, err := next.Restore(t.Context(), "node_modules", "k")
			require.NoError(t, err)
			require.Equal(t, "k", hit)
			own, err := os.ReadFile(filepath.Join(next.Dir, "node_modules/@scope/own/index.js"))
			require.NoError(t, err)
			assert.Equal(t, "own", string(own))
			dep, err := os.ReadFile(filepath.Join(next.Dir, "node_modules/.bin/dep"))
			require.NoError(t, err)
			assert.Equal(t, "dep", string(dep))
			assert.DirExists(t, filepath.Join(next.Dir, "node_modules/@scope/empty"))
		})
	}
}

func TestWhatIsGivenIsGoneAndCanBeGivenAgain(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	for range 2 {
		dir := tree(t, sample)
		require.NoError(t, c.Give(t.Context(), dir, "k"))
		assert.NoDirExists(t, dir)
	}
	hit, _ := restored(t, c, "k")
	assert.Equal(t, "k", hit)
}

func TestALinkOutOfTheWorkspaceIsRefused(t *testing.T) {
	ws := workspaces(t, openCache(t, t.TempDir(), build.CacheOptions{}))
	require.NoError(t, os.Symlink("../../elsewhere", filepath.Join(ws.Dir, "node_modules/out")))
	require.ErrorContains(t, ws.Save(t.Context(), "node_modules", "k"), `link "out" to "../../elsewhere" leads out of the tree`)
	require.ErrorContains(t, ws.Cache.Save(t.Context(), filepath.Join(workspaces(t, nil).Dir, "node_modules"), "k"),
		`link "@scope/own" to "../../packages/own" leads out of the tree`)
}

func TestPoisonedExtrasAreDropped(t *testing.T) {
	for _, poison := range []string{
		`{"links": {"@scope/own": "../../../../outside"}}`, `{"links": {"a": "/etc"}}`, `{"links": {"../a": "b"}}`,
		`{"dirs": ["../../outside"]}`, `{"dirs": ["/outside"]}`, `{`,
	} {
		root := t.TempDir()
		ws := workspaces(t, openCache(t, root, build.CacheOptions{}))
		require.NoError(t, ws.Give(t.Context(), "node_modules", "k"))
		require.NoError(t, os.WriteFile(filepath.Join(root, "k/extras"), []byte(poison), 0o644))
		hit, err := ws.Restore(t.Context(), "node_modules", "k")
		require.NoError(t, err)
		assert.Empty(t, hit, poison)
		assert.NoDirExists(t, filepath.Join(root, "k"))
		assert.NoDirExists(t, filepath.Join(ws.Dir, "node_modules"))
	}
}
