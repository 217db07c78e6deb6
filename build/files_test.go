package build_test

import (
	"errors"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
)

func TestArtifactFilesAreAFileSystem(t *testing.T) {
	a := buildtest.Artifact(map[string]string{
		"index.html":        "hello",
		"assets/app.js":     "x",
		"assets/deep/a.css": "",
		"bin/run*":          "#!/bin/sh",
		"latest":            "-> assets/deep",
	})
	require.NoError(t, fstest.TestFS(a.Files, "index.html", "assets/app.js", "assets/deep/a.css", "bin/run", "latest"))
	b, err := fs.ReadFile(a.Files, "latest/a.css")
	require.NoError(t, err)
	require.Empty(t, b)
	info, err := fs.Stat(a.Files, "bin/run")
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o755), info.Mode())
}

func TestEqualFilesHaveEqualDigests(t *testing.T) {
	one := buildtest.Artifact(map[string]string{"a": "1", "b/c": "2"})
	two := buildtest.Artifact(map[string]string{"b/c": "2", "a": "1"})
	other := buildtest.Artifact(map[string]string{"b/c": "2", "a*": "1"})
	require.Equal(t, one.Digest, two.Digest)
	require.NotEqual(t, one.Digest, other.Digest, "the mode is part of the digest")
}

func TestLaw15_AReadOfChangedBytesEndsInErrCorrupt(t *testing.T) {
	good := buildtest.Artifact(map[string]string{"f": "hello"})
	for name, content := range map[string]string{
		"other": "hellO", "shorter": "hell", "longer": "hello!", "empty": "",
	} {
		a, err := build.NewArtifact(good.Manifest, func(build.File) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(content)), nil
		})
		require.NoError(t, err)
		_, err = fs.ReadFile(a.Files, "f")
		require.ErrorIs(t, err, build.ErrCorrupt, name)

		f, err := a.Files.Open("f")
		require.NoError(t, err)
		_, err = io.ReadFull(f, make([]byte, 5))
		require.ErrorIs(t, err, build.ErrCorrupt, "%s: a reader that knows the size must not take it either", name)
		require.False(t, errors.Is(err, io.EOF))
	}
}
