package s3store_test

import (
	"context"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/build/s3store/s3test"
)

// source has one file, named REVISION, in every tree.
type source struct{}

func (source) Checkout(_ context.Context, revision, dir string) error {
	return buildtest.WriteTree(dir, map[string]string{"REVISION": revision})
}

// counting counts builds.
type counting struct {
	build.Builder
	builds int
}

func (c *counting) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	c.builds++
	return c.Builder.Build(ctx, ws)
}

func TestWhatOneMachineHasBuiltAnotherOneFindsInTheBucket(t *testing.T) {
	bucket := &s3test.Bucket{}
	builder := &counting{Builder: buildtest.Builder{Script: buildtest.Script{Files: map[string]string{
		"app.rb": "puts :hello", "vendor/big.so": strings.Repeat("0123456789", 200_000),
	}}}}
	revision := strings.Repeat("a", 40)
	for range 2 { // two machines
		store, err := s3store.New(s3store.Config{Client: bucket, Bucket: "acme-deploys"})
		require.NoError(t, err)
		w, err := build.NewWorkshop(build.WorkshopConfig{
			Dir: t.TempDir(), Source: source{}, Builder: builder, Identity: "test 1", Store: store,
		})
		require.NoError(t, err)
		a, err := w.Artifact(t.Context(), revision, io.Discard)
		require.NoError(t, err)
		got, err := fs.ReadFile(a.Files, "vendor/big.so")
		require.NoError(t, err)
		assert.Len(t, got, 2_000_000)
	}
	assert.Equal(t, 1, builder.builds)
}
