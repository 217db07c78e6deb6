package build

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxHops is how many links may be passed on the way of one; Linux stops at 40.
const maxHops = 40

var (
	errLeaves  = errors.New("leads out of the tree")
	errCircles = errors.New("leads in circles")
)

// tree is a manifest by path. A file system is made of it, and links are followed
// in it, without a disk.
type tree struct {
	files []File
	at    map[string]int // path to index in files
}

func newTree(files []File) *tree {
	t := &tree{files: files, at: make(map[string]int, len(files))}
	for i, f := range files {
		t.at[f.Path] = i
	}
	return t
}

// leafAbove returns the file or link that p would lie below, or "".
func (t *tree) leafAbove(p string) string {
	for p = above(p); p != ""; p = above(p) {
		if _, ok := t.at[p]; ok {
			return p
		}
	}
	return ""
}

// above returns the directory of p, "" for the root.
func above(p string) string { return p[:max(0, strings.LastIndexByte(p, '/'))] }

// checkLinks follows every link.
func (t *tree) checkLinks() error {
	for _, f := range t.files {
		if f.Link == "" {
			continue
		}
		if err := checkDestination(f.Link); err != nil {
			return fmt.Errorf("check manifest: link %q %w", f.Path, err)
		}
		if _, err := t.resolve(f.Path); err != nil {
			return fmt.Errorf("check manifest: link %q to %q %w", f.Path, f.Link, err)
		}
	}
	return nil
}

// checkDestination judges what a link says, before it is followed.
func checkDestination(to string) error {
	switch {
	case path.IsAbs(to):
		return fmt.Errorf("leads to the absolute path %q: %w", to, errLeaves)
	case len(to) > maxPath:
		return fmt.Errorf("leads to a path of more than %d bytes", maxPath)
	case !utf8.ValidString(to) || strings.ContainsFunc(to, unicode.IsControl):
		return fmt.Errorf("leads to %q, which is not UTF-8 or holds a control character", to)
	}
	return nil
}

// resolve follows the links on the way of p as a kernel does: one name after the
// other, because "a/.." is not "." where a is a link. It returns the path of what
// is there in the end, which need not exist, or errLeaves or errCircles.
func (t *tree) resolve(p string) (string, error) {
	at, left, hops := "", strings.Split(p, "/"), 0
	for len(left) > 0 {
		name := left[0]
		left = left[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at == "" {
				return "", errLeaves
			}
			at = above(at)
			continue
		}
		at = path.Join(at, name)
		i, ok := t.at[at]
		if !ok || t.files[i].Link == "" {
			continue
		}
		if hops++; hops > maxHops {
			return "", errCircles
		}
		left = append(strings.Split(t.files[i].Link, "/"), left...)
		at = above(at)
	}
	if at == "" {
		return ".", nil
	}
	return at, nil
}
