package build_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// gems are what is placed in these tests: files, a program, and a link.
func gems(t *testing.T, c *build.Cache, key string) {
	t.Helper()
	dir := tree(t, map[string]string{"gems/rack/lib/rack.rb": "rack", "bin/rackup": "#!/bin/sh\n", "doc/long": "text"})
	require.NoError(t, os.Chmod(filepath.Join(dir, "bin/rackup"), 0o755))
	require.NoError(t, os.Symlink("../bin/rackup", filepath.Join(dir, "gems/rackup")))
	require.NoError(t, c.Save(t.Context(), dir, key))
}

func TestWhatIsPlacedIsInTheArtifactAsIfItWereRestored(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	gems(t, c, "gems/1")
	record := func(get func(*build.Workspace) (string, error)) *build.Artifact {
		ws := &build.Workspace{Dir: tree(t, map[string]string{"app/Gemfile": "rails", "other": "x"}), Cache: c}
		hit, err := get(ws)
		require.NoError(t, err)
		require.Equal(t, "gems/1", hit)
		a, err := ws.Record(t.Context(), build.Output{
			Dir: "app", Omit: []string{"vendor/bundle/doc"}, Classes: map[string]build.Class{"vendor/bundle/bin/rackup": build.Hashed},
		}, build.Limits{})
		require.NoError(t, err)
		return a
	}
	placed := record(func(ws *build.Workspace) (string, error) {
		hit, err := ws.Place(t.Context(), "app/vendor/bundle", "gems/0", "gems/1")
		assert.NoDirExists(t, filepath.Join(ws.Dir, "app/vendor/bundle"))
		return hit, err
	})
	restored := record(func(ws *build.Workspace) (string, error) {
		return ws.Restore(t.Context(), "app/vendor/bundle", "gems/1")
	})
	taken := record(func(ws *build.Workspace) (string, error) {
		_, err := ws.Place(t.Context(), "app/vendor/bundle", "gems/1")
		require.NoError(t, err)
		return ws.Restore(t.Context(), "app/vendor/bundle", "gems/1")
	})
	assert.Equal(t, restored.Manifest, placed.Manifest)
	assert.Equal(t, restored.Digest, placed.Digest)
	assert.Equal(t, restored.Digest, taken.Digest)
	out := filepath.Join(t.TempDir(), "out")
	require.NoError(t, build.Extract(t.Context(), placed, out, build.UnpackOptions{}))
	text, err := os.ReadFile(filepath.Join(out, "vendor/bundle/gems/rackup"))
	require.NoError(t, err)
	assert.Equal(t, "#!/bin/sh\n", string(text))
}

func TestWhatIsPlacedOutsideOfTheOutputIsNotShipped(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	gems(t, c, "gems/1")
	ws := &build.Workspace{Dir: tree(t, map[string]string{"app/Gemfile": "rails"}), Cache: c}
	_, err := ws.Place(t.Context(), "application", "gems/1")
	require.NoError(t, err)
	a, err := ws.Record(t.Context(), build.Output{Dir: "app"}, build.Limits{})
	require.NoError(t, err)
	require.Len(t, a.Manifest, 1)
}

func TestAPoisonedCacheIsNotPlaced(t *testing.T) {
	for name, spoil := range map[string]func(at string) error{
		"changed": func(at string) error { return os.WriteFile(filepath.Join(at, "tree/doc/long"), []byte("evil"), 0o644) },
		"longer":  func(at string) error { return os.WriteFile(filepath.Join(at, "tree/doc/long"), []byte("text+"), 0o644) },
		"missing": func(at string) error { return os.Remove(filepath.Join(at, "tree/doc/long")) },
		"a link out": func(at string) error {
			return errors.Join(os.RemoveAll(filepath.Join(at, "tree/doc")), os.Symlink("/etc", filepath.Join(at, "tree/doc")))
		},
		"a pipe": func(at string) error {
			return errors.Join(os.Remove(filepath.Join(at, "tree/doc/long")), syscall.Mkfifo(filepath.Join(at, "tree/doc/long"), 0o644))
		},
		"no tree": func(at string) error { return os.RemoveAll(filepath.Join(at, "tree")) },
	} {
		root := t.TempDir()
		c := openCache(t, root, build.CacheOptions{})
		gems(t, c, "gems/1")
		require.NoError(t, spoil(filepath.Join(root, "gems~1")))
		ws := &build.Workspace{Dir: tree(t, sample), Cache: c}
		hit, err := ws.Place(t.Context(), "vendor/bundle", "gems/1")
		require.NoError(t, err, name)
		require.Empty(t, hit, name)
		require.NoDirExists(t, filepath.Join(root, "gems~1"), "%s: it is dropped", name)
	}
}

func TestASecretInWhatIsPlacedIsFound(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	require.NoError(t, c.Save(t.Context(), tree(t, map[string]string{"config": "token=s3cr3t-token"}), "gems/1"))
	ws := &build.Workspace{Dir: tree(t, sample), Cache: c}
	_, err := ws.Place(t.Context(), "vendor/bundle", "gems/1")
	require.NoError(t, err)
	require.NoError(t, ws.Run(t.Context(), build.Command{Name: "true", Secrets: map[string]string{"TOKEN": "s3cr3t-token"}}))
	_, err = ws.Record(t.Context(), build.Output{}, build.Limits{})
	require.ErrorContains(t, err, "vendor/bundle: config holds the value of the secret TOKEN")
}

func TestWhatIsPlacedMayNotBeThereAsWell(t *testing.T) {
	c := openCache(t, t.TempDir(), build.CacheOptions{})
	gems(t, c, "gems/1")
	ws := &build.Workspace{Dir: tree(t, sample), Cache: c}
	_, err := ws.Place(t.Context(), "sub", "gems/1")
	require.ErrorContains(t, err, "not empty")
	_, err = ws.Place(t.Context(), "../x", "gems/1")
	require.ErrorContains(t, err, "not a directory inside the workspace")
	_, err = ws.Place(t.Context(), "vendor", "gems/1")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Join(ws.Dir, "vendor"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(ws.Dir, "vendor/late"), nil, 0o644))
	_, err = ws.Record(t.Context(), build.Output{}, build.Limits{})
	require.ErrorContains(t, err, "vendor was placed from the cache, and is there as well")
}

func TestACacheThatLosesWhatWasPlacedCostsASecondBuild(t *testing.T) {
	for name, lose := range map[string]func(entry string) error{
		"dropped": os.RemoveAll,
		"damaged": func(entry string) error {
			return os.WriteFile(filepath.Join(entry, "tree/doc/long"), []byte("evil"), 0o644)
		},
	} {
		dir, root := t.TempDir(), t.TempDir()
		c := openCache(t, root, build.CacheOptions{})
		gems(t, c, "gems/1")
		var builds atomic.Int32
		w := workshop(t, dir, builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			hit, err := ws.Place(ctx, "vendor/bundle", "gems/1")
			if hit == "" {
				err = errors.Join(err, os.MkdirAll(filepath.Join(ws.Dir, "vendor/bundle"), 0o755), os.WriteFile(filepath.Join(ws.Dir, "vendor/bundle/installed"), nil, 0o644))
			}
			if builds.Add(1) == 1 {
				err = errors.Join(err, lose(filepath.Join(root, "gems~1")))
			}
			return build.Output{}, err
		}), func(c2 *build.WorkshopConfig) { c2.Cache = c })
		log := &safeLog{}
		a, err := w.Artifact(t.Context(), rev(1), log)
		require.NoError(t, err, name)
		assert.Equal(t, int32(2), builds.Load(), name)
		assert.True(t, strings.Contains(log.String(), "what was taken from the cache is gone or damaged"), log)
		_, err = a.Files.Open("vendor/bundle/installed")
		require.NoError(t, err, name)
		noCheckoutsLeft(t, dir)
	}
}
