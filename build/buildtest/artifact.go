package buildtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// Artifact returns an artifact in memory that holds files, path to content. It
// costs no disk and no clock. Equal files have equal digests. A path that no
// artifact may hold is a mistake of the test: it panics.
//
// A path that ends in "*" is executable, and the "*" is not part of it. Content
// that begins with "-> " makes a link to the rest.
func Artifact(files map[string]string) *build.Artifact {
	list := make([]build.File, 0, len(files))
	contents := make(map[string]string, len(files))
	for path, content := range files {
		f := fileOf(path, content)
		list, contents[f.Path] = append(list, f), content
	}
	a, err := build.NewArtifact(list, func(f build.File) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(contents[f.Path])), nil
	})
	if err != nil {
		panic(fmt.Sprintf("buildtest.Artifact: %v", err))
	}
	return a
}

// fileOf returns the manifest line of one file.
func fileOf(path, content string) build.File {
	if to, ok := strings.CutPrefix(content, "-> "); ok {
		return build.File{Path: path, Mode: 0o777, Link: to}
	}
	f := build.File{Path: path, Mode: 0o644, Size: int64(len(content))}
	if name, ok := strings.CutSuffix(path, "*"); ok {
		f.Path, f.Mode = name, 0o755
	}
	sum := sha256.Sum256([]byte(content))
	f.SHA256 = hex.EncodeToString(sum[:])
	return f
}
