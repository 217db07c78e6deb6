package build

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// extras are what a cached directory may have and an artifact may not: directories
// with nothing in them, and links to other places in the workspace, as a package
// manager makes them for the packages of a workspace.
type extras struct {
	Dirs  []string          `json:"dirs,omitempty"`
	Links map[string]string `json:"links,omitempty"`
}

// findExtras looks through dir. Links may lead to places below root.
func findExtras(root, dir string) (extras, error) {
	var more extras
	err := filepath.WalkDir(dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil || at == dir {
			return err
		}
		p, err := filepath.Rel(dir, at)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir():
			entries, err := os.ReadDir(at)
			if err == nil && len(entries) == 0 {
				more.Dirs = append(more.Dirs, p)
			}
			return err
		case d.Type() == fs.ModeSymlink:
			to, err := os.Readlink(at)
			if err == nil && !stays(dir, p, to) && stays(root, relative(root, at), to) {
				more.link(p, to)
			}
			return err
		}
		return nil
	})
	return more, err
}

// link notes one link.
func (e *extras) link(p, to string) {
	if e.Links == nil {
		e.Links = map[string]string{}
	}
	e.Links[p] = to
}

// stays says whether the link p of dir leads to a place below dir, as it is written.
// Links on the way are the workspace's own, which a build may follow anyway.
func stays(dir, p, to string) bool {
	return !filepath.IsAbs(to) && isLocal(filepath.Join(filepath.Dir(p), to)) && filepath.IsLocal(p)
}

// relative is at below root, or a path that is not.
func relative(root, at string) string {
	p, err := filepath.Rel(root, at)
	if err != nil {
		return ".."
	}
	return p
}

// paths lists the links: a manifest would refuse them.
func (e extras) paths() []string { return slices.Sorted(maps.Keys(e.Links)) }

func (e extras) encode() ([]byte, error) { return json.Marshal(e) }

// parseExtras reads what was written by encode. Names that leave dir, and links that
// leave root, are ErrCorrupt.
func parseExtras(text []byte, root, dir string) (extras, error) {
	var e extras
	if err := json.Unmarshal(text, &e); err != nil {
		return extras{}, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	for _, p := range e.Dirs {
		if !filepath.IsLocal(p) {
			return extras{}, fmt.Errorf("%w: directory %q leaves the cache", ErrCorrupt, p)
		}
	}
	for p, to := range e.Links {
		if !filepath.IsLocal(p) || !stays(root, relative(root, filepath.Join(dir, p)), to) {
			return extras{}, fmt.Errorf("%w: link %q to %q leaves the workspace", ErrCorrupt, p, to)
		}
	}
	return e, nil
}

// make makes them below dir, and follows no link out of it.
func (e extras) make(dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := e.makeDirs(root); err != nil {
		return err
	}
	for _, p := range e.paths() {
		if err := root.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			return err
		}
		if err := root.Symlink(e.Links[p], p); err != nil {
			return err
		}
	}
	return nil
}

// makeDirs makes the directories alone.
func (e extras) makeDirs(root *os.Root) error {
	for _, p := range e.Dirs {
		if err := root.MkdirAll(p, 0o755); err != nil {
			return err
		}
	}
	return nil
}
