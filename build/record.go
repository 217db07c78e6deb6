package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// RecordOptions says what of a directory becomes an artifact. The zero value takes
// everything, within the default limits.
type RecordOptions struct {
	// Limits bounds the tree.
	Limits Limits
	// Omit lists files and directories, slash-separated, that are left out, with
	// everything in them. One that is not there is no error.
	Omit []string
	// Classes gives files a class, by path. One that is not there is an error: a
	// builder that classes a file which it did not make is mistaken.
	Classes map[string]Class
	// Secrets are values, by name, that no file may hold. Values of less than eight
	// bytes are not looked for, as they are found by chance.
	Secrets map[string]string
}

// Record returns the directory dir as an artifact. Its Files read from dir: they
// are good as long as dir is left alone, and end in ErrCorrupt when it was not.
//
// Modes become 0755 where the owner may execute, else 0644; times, owners and empty
// directories are left out, so that two builds of one tree are equal. Refused are
// devices, sockets and named pipes, names with control characters, and links that
// lead out of the tree. A file that changes while it is read is ErrCorrupt.
//
// Files are hashed by as many goroutines as there are processors, each with one
// buffer, whatever the size of the files.
func Record(ctx context.Context, dir string, o RecordOptions) (*Artifact, error) {
	return record(ctx, dir, o, nil)
}

// record returns dir, and what is placed in it, as an artifact.
func record(ctx context.Context, dir string, o RecordOptions, placed map[string]placement) (*Artifact, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("record %s: %w", dir, err)
	}
	files, err := recordFiles(ctx, dir, o, placed)
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("record %s: %w", dir, err)
	}
	open, err := opener(root, placed)
	var a *Artifact
	if err == nil {
		a, err = NewArtifact(files, open)
	}
	if err != nil {
		root.Close()
		return nil, fmt.Errorf("record %s: %w", dir, err)
	}
	return a, nil
}

// opener opens files below root, and those that are placed where they are. Directories
// are opened once: there are thousands of files in them.
func opener(root *os.Root, placed map[string]placement) (func(File) (io.ReadCloser, error), error) {
	roots := map[string]*os.Root{}
	for at, p := range placed {
		var err error
		if roots[at], err = os.OpenRoot(p.tree); err != nil {
			return nil, err // Those that are open go with the garbage.
		}
	}
	return func(f File) (io.ReadCloser, error) {
		for at, from := range roots {
			if name, ok := strings.CutPrefix(f.Path, at+"/"); ok {
				return from.Open(name)
			}
		}
		return root.Open(f.Path)
	}, nil
}

// recordFiles lists and hashes what is in dir.
func recordFiles(ctx context.Context, dir string, o RecordOptions, placed map[string]placement) ([]File, error) {
	w := &walk{dir: dir, omit: o.Omit, tally: tally{limits: o.Limits.filled()}}
	if err := w.enter(ctx, ""); err != nil {
		return nil, err
	}
	h := &hashing{dir: dir, files: w.files, tally: tally{limits: o.Limits.filled()}, secrets: longSecrets(o.Secrets)}
	if err := h.run(ctx); err != nil {
		return nil, err
	}
	for at, p := range placed {
		if err := w.place(ctx, at, p, h); err != nil {
			return nil, err
		}
	}
	return w.files, w.classify(o.Classes)
}

// place adds what is placed at a path. It was hashed before; only secrets that came up
// since are looked for.
func (w *walk) place(ctx context.Context, at string, p placement, h *hashing) error {
	if entries, err := os.ReadDir(filepath.Join(w.dir, at)); len(entries) > 0 {
		return fmt.Errorf("%s was placed from the cache, and is there as well", at)
	} else if ignoreMissing(err) != nil {
		return err
	}
	if len(h.secrets) > 0 {
		if err := p.verify(ctx, h.secrets); err != nil {
			return fmt.Errorf("%s: %w", at, err)
		}
	}
	for _, f := range p.below(at) {
		if w.omits(f.Path) {
			continue
		}
		if err := errors.Join(h.tally.add(f.Path, f.Size), checkPath(f.Path)); err != nil {
			return err
		}
		w.files = append(w.files, f)
	}
	return nil
}

// omits says whether a path, or a directory that it is in, is left out.
func (w *walk) omits(p string) bool {
	for ; p != ""; p = above(p) {
		if slices.Contains(w.omit, p) {
			return true
		}
	}
	return false
}

// walk collects the paths of a directory.
type walk struct {
	dir   string
	omit  []string
	tally tally
	files []File
}

// enter lists the directory at, below the root.
func (w *walk) enter(ctx context.Context, at string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	entries, err := os.ReadDir(filepath.Join(w.dir, at))
	if err != nil {
		return err
	}
	for _, e := range entries {
		p := path.Join(at, e.Name())
		if slices.Contains(w.omit, p) {
			continue
		}
		if e.IsDir() {
			err = w.enter(ctx, p)
		} else {
			err = w.take(p, e.Type())
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take notes one file or link.
func (w *walk) take(p string, mode fs.FileMode) error {
	if err := checkPath(p); err != nil {
		return err
	}
	if err := w.tally.add(p, 0); err != nil {
		return err
	}
	f := File{Path: p}
	switch mode {
	case 0:
	case fs.ModeSymlink:
		to, err := os.Readlink(filepath.Join(w.dir, p))
		if err != nil {
			return err
		}
		f.Link, f.Mode = to, linkMode
	default:
		return fmt.Errorf("%q is %s: an artifact holds files and links only", p, kind(mode))
	}
	w.files = append(w.files, f)
	return nil
}

// kind names what is neither a file nor a link.
func kind(mode fs.FileMode) string {
	switch {
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "an irregular file"
}

// classify gives files their classes.
func (w *walk) classify(classes map[string]Class) error {
	found := 0
	for i, f := range w.files {
		if c, ok := classes[f.Path]; ok {
			w.files[i].Class = c
			found++
		}
	}
	if found == len(classes) {
		return nil
	}
	var missing []string
	for p := range classes {
		if !slices.ContainsFunc(w.files, func(f File) bool { return f.Path == p }) {
			missing = append(missing, p)
		}
	}
	slices.Sort(missing)
	return fmt.Errorf("classes are given for files that are not there: %s", strings.Join(missing, ", "))
}
