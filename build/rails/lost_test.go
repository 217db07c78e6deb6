package rails_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/rails"
)

// oneTree is a Source with one tree for all revisions, but for a file that says which.
type oneTree struct{ dir string }

func (s oneTree) Checkout(_ context.Context, revision, dir string) error {
	return errors.Join(os.CopyFS(dir, os.DirFS(s.dir)), os.WriteFile(filepath.Join(dir, "app/controllers/a.rb"), []byte(revision), 0o644))
}

// between is a Builder with somebody who meddles before and after each of its builds.
type between struct {
	build.Builder
	before, after func()
}

func (b *between) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	b.before()
	defer b.after()
	return b.Builder.Build(ctx, ws)
}

// TestGemsThatTheCacheLosesForAWhileAreThereForTheAssets loses placed gems before they
// are recorded, and compiled assets for good: the second try has gems in its tree.
func TestGemsThatTheCacheLosesForAWhileAreThereForTheAssets(t *testing.T) {
	t.Parallel()
	inner, err := rails.New(rails.Config{})
	require.NoError(t, err)
	nothing := func() {}
	b := &between{inner, nothing, nothing}
	at := t.TempDir()
	c, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: t.TempDir(), Source: oneTree{app(t)}, Builder: b, Identity: "x", Runner: tools(t, installs, compiles), Cache: c,
	})
	require.NoError(t, err)
	_, err = w.Artifact(t.Context(), strings.Repeat("a", 40), nil)
	require.NoError(t, err)

	aside := filepath.Join(t.TempDir(), "gems")
	entry := func(name string) string {
		found, err := filepath.Glob(filepath.Join(at, name+"~*"))
		assert.NoError(t, err)
		assert.NotEmpty(t, found, name)
		return found[0]
	}
	gems := entry("gems")
	b.after = func() {
		b.after = nothing
		b.before = func() { assert.NoError(t, os.Rename(aside, gems)) }
		assert.NoError(t, errors.Join(os.Rename(gems, aside), os.RemoveAll(entry("assets"))))
	}
	log := &strings.Builder{}
	a, err := w.Artifact(t.Context(), strings.Repeat("b", 40), log)
	require.NoError(t, err, log)
	assert.Contains(t, log.String(), "what was taken from the cache is gone or damaged")
	assert.Contains(t, paths(a), "vendor/bundle/ruby/3.2.0/gems/rack-1/rack.rb")
}
