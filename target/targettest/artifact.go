package targettest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"github.com/muster-deploy/muster/build"
)

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
