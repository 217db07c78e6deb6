package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Extract writes the tree of a to dir, which must not be there yet, as Unpack does
// with a pack.
func Extract(ctx context.Context, a *Artifact, dir string, o UnpackOptions) error {
	err := writeTree(ctx, dir, a.Manifest, o, treeSource{
		next: func(f File) (io.ReadCloser, error) {
			if f.Link != "" {
				return io.NopCloser(strings.NewReader("")), nil
			}
			return a.Files.Open(f.Path)
		},
		end: func() error { return nil },
	})
	if err != nil {
		return fmt.Errorf("extract %s into %s: %w", a.Digest, dir, err)
	}
	return nil
}

// treeSource yields the files of a manifest in order. Next is also asked for links,
// of which only the order is of interest; end is asked once all were written.
type treeSource struct {
	next func(File) (io.ReadCloser, error)
	end  func() error
}

// writeTree makes the tree beside dir and renames it.
func writeTree(ctx context.Context, dir string, manifest []File, o UnpackOptions, from treeSource) error {
	if err := CheckManifest(manifest); err != nil {
		return err
	}
	if _, err := os.Lstat(dir); !errors.Is(err, os.ErrNotExist) {
		return errors.Join(fmt.Errorf("%s is there already", dir), err)
	}
	tmp := filepath.Join(filepath.Dir(dir), "~"+filepath.Base(dir)+"-"+rand.Text())
	if err := os.MkdirAll(tmp, 0o755); err != nil {
		return err
	}
	err := fillTree(ctx, tmp, manifest, o, from)
	if err == nil {
		err = os.Rename(tmp, dir)
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(tmp))
	}
	if o.Sync {
		return syncPath(filepath.Dir(dir))
	}
	return nil
}

// fillTree writes all files, then the links: nothing is ever written through one.
func fillTree(ctx context.Context, dir string, manifest []File, o UnpackOptions, from treeSource) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	w := &treeWriter{root: root, sync: o.Sync, dirs: map[string]bool{".": true}, buf: make([]byte, hashBuffer)}
	for _, f := range manifest {
		if err := w.write(ctx, f, from); err != nil {
			return err
		}
	}
	if err := from.end(); err != nil {
		return err
	}
	return w.finish(manifest)
}

// treeWriter writes files below a directory that it cannot leave.
type treeWriter struct {
	root *os.Root
	sync bool
	dirs map[string]bool
	buf  []byte
}

// write takes the next file from its source and writes it, verified.
func (w *treeWriter) write(ctx context.Context, f File, from treeSource) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	in, err := from.next(f)
	if err != nil {
		return err
	}
	defer in.Close()
	if f.Link != "" {
		return nil
	}
	if err := w.makeDir(path.Dir(f.Path)); err != nil {
		return err
	}
	out, err := w.root.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(w.fill(out, in, f), out.Close())
}

// fill copies the content; mode and time come last.
func (w *treeWriter) fill(out *os.File, in io.ReadCloser, f File) error {
	_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{verified(f, in)}, w.buf)
	if err != nil {
		return err
	}
	if err := out.Chmod(f.Mode.Perm()); err != nil {
		return err
	}
	if err := w.root.Chtimes(f.Path, time.Time{}, FileTime(f)); err != nil {
		return err
	}
	if w.sync {
		return out.Sync()
	}
	return nil
}

// makeDir makes a directory and those above it, once.
func (w *treeWriter) makeDir(dir string) error {
	if w.dirs[dir] {
		return nil
	}
	if err := w.makeDir(path.Dir(dir)); err != nil {
		return err
	}
	w.dirs[dir] = true
	return w.root.Mkdir(dir, 0o755)
}

// finish makes the links and has the directories on the disk, the deepest first.
func (w *treeWriter) finish(manifest []File) error {
	for _, f := range manifest {
		if f.Link == "" {
			continue
		}
		if err := w.makeDir(path.Dir(f.Path)); err != nil {
			return err
		}
		if err := w.root.Symlink(f.Link, f.Path); err != nil {
			return err
		}
	}
	if !w.sync {
		return nil
	}
	dirs := make([]string, 0, len(w.dirs))
	for d := range w.dirs {
		dirs = append(dirs, d)
	}
	slices.SortFunc(dirs, func(a, b string) int { return strings.Count(b, "/") - strings.Count(a, "/") })
	for _, d := range dirs {
		if err := syncDir(w.root, d); err != nil {
			return err
		}
	}
	return nil
}

// syncDir has the names in a directory on the disk.
func syncDir(root *os.Root, name string) error {
	d, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// syncPath is syncDir for a directory that is not below a root.
func syncPath(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
