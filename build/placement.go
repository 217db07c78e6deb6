package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sync"

	"golang.org/x/sync/errgroup"
)

// placement is a directory of the cache that is part of an artifact.
type placement struct {
	tree  string // where the files are
	files []File // relative to it
}

// place is give without making the directory.
func (c *Cache) place(ctx context.Context, root, dir string, keys []string) (p placement, hit string, err error) {
	hit, err = c.first(dir, keys, func(name string) (ok bool, err error) {
		p, ok, err = c.lend(ctx, name, root, dir)
		return ok, err
	})
	if err != nil {
		return placement{}, "", fmt.Errorf("place %s from cache: %w", dir, err)
	}
	return p, hit, nil
}

// lend verifies one directory where it is. One that is broken is dropped.
func (c *Cache) lend(ctx context.Context, name, root, dir string) (placement, bool, error) {
	at := filepath.Join(c.dir, name)
	files, more, err := readEntry(at, root, dir)
	p := placement{tree: filepath.Join(at, cacheTree), files: files}
	if err == nil {
		err = p.verify(ctx, nil)
	}
	if errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
		return placement{}, false, c.drop(name)
	}
	if err != nil {
		return placement{}, false, err
	}
	return p.with(more), true, ignoreMissing(touch(at))
}

// with adds the links that a manifest of the directory alone would not allow.
func (p placement) with(more extras) placement {
	for _, link := range more.paths() {
		p.files = append(p.files, File{Path: filepath.ToSlash(link), Mode: linkMode, Link: more.Links[link]})
	}
	return p
}

// verify reads all files: that they are what the manifest says, and hold no secret.
// Several goroutines take a directory each.
func (p placement) verify(ctx context.Context, secrets []secret) error {
	src, err := os.OpenRoot(p.tree)
	if err != nil {
		return sourceError(err)
	}
	defer src.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cloners())
	buffers := sync.Pool{New: func() any { return new([hashBuffer]byte) }}
	for dir, inside := range byDirectory(p.files) {
		group.Go(func() error {
			buf := buffers.Get().(*[hashBuffer]byte)
			defer buffers.Put(buf)
			w := &hashWorker{hashing: &hashing{secrets: secrets}, sum: sha256.New(), buf: buf[:]}
			return w.verifyDirectory(ctx, src, dir, inside)
		})
	}
	return group.Wait()
}

// verifyDirectory verifies the files right in one directory.
func (w *hashWorker) verifyDirectory(ctx context.Context, from *os.Root, dir string, files []File) error {
	src, err := from.OpenRoot(dir)
	if err != nil {
		return sourceError(err)
	}
	defer src.Close()
	for _, f := range files {
		if f.Link != "" {
			continue // What it says is part of the manifest.
		}
		if err := w.verifyFile(ctx, src, f); err != nil {
			return err
		}
	}
	return nil
}

// verifyFile verifies one file of a directory that is open.
func (w *hashWorker) verifyFile(ctx context.Context, src *os.Root, f File) error {
	name := f.Path
	f.Path = filepath.Base(name)
	in, info, err := openSource(src, f)
	if err != nil {
		return err
	}
	defer in.Close()
	if info.Mode().Perm() != f.Mode.Perm() {
		if err := in.Chmod(f.Mode.Perm()); err != nil {
			return err
		}
	}
	n, err := w.read(ctx, name, in)
	if err != nil {
		return err
	}
	if n != f.Size || hex.EncodeToString(w.sum.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%s is not what was saved: %w", name, ErrCorrupt)
	}
	return nil
}

// below are the files as they are named in an artifact that holds them at dir.
func (p placement) below(dir string) []File {
	files := make([]File, len(p.files))
	for i, f := range p.files {
		f.Path = path.Join(dir, f.Path)
		files[i] = f
	}
	return files
}
