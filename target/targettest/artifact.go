package targettest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"testing/fstest"

	"github.com/muster-deploy/muster/build"
)

// Artifact returns the n-th of a row of small artifacts that differ in their
// digest: one text file each.
func Artifact(n int) *build.Artifact {
	text := fmt.Sprintf("release %d\n", n)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte(text)))
	manifest := []build.File{{Path: "release.txt", Mode: 0o644, Size: int64(len(text)), SHA256: sum}}
	digest, err := build.DigestManifest(manifest)
	if err != nil {
		panic(err) // it is valid, whatever n is
	}
	return &build.Artifact{
		Digest:   digest,
		Manifest: manifest,
		Files:    fstest.MapFS{"release.txt": {Data: []byte(text), Mode: 0o644}},
	}
}

// verify reads every file of a and compares it with the manifest.
func verify(a *build.Artifact) error {
	if a.Files == nil {
		return nil
	}
	for _, f := range a.Manifest {
		if f.Link != "" {
			continue
		}
		if err := verifyFile(a, f); err != nil {
			return err
		}
	}
	return nil
}

func verifyFile(a *build.Artifact, f build.File) error {
	r, err := a.Files.Open(f.Path)
	if err != nil {
		return err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return fmt.Errorf("read %s: %w", f.Path, err)
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("read %s: %w", f.Path, build.ErrCorrupt)
	}
	return nil
}
