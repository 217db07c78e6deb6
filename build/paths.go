package build

import (
	"fmt"
	"os"
	"path/filepath"
)

// isLocal says whether p stays below the directory that it is relative to.
func isLocal(p string) bool { return filepath.IsLocal(filepath.FromSlash(p)) }

// below returns dir/p with links followed. A p that is not below dir, also by way
// of a link, is an error.
func below(dir, p string) (string, error) {
	if p == "" {
		p = "."
	}
	if !isLocal(p) {
		return "", fmt.Errorf("%q is not inside the workspace", p)
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	at, err := filepath.EvalSymlinks(filepath.Join(real, filepath.FromSlash(p)))
	if err != nil {
		return "", err
	}
	if rel, err := filepath.Rel(real, at); err != nil || !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q leads out of the workspace, to %s", p, at)
	}
	return at, nil
}

// makeInside makes the directory p below dir, and never follows a link out of it.
func makeInside(dir, p string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.MkdirAll(filepath.Clean(p), 0o755)
}
