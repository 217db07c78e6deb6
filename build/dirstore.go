package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// DirStore is a Store on a directory, which several processes may share. What Put
// returned for is on the disk; a crash at any moment leaves the old content or the
// new one.
type DirStore struct {
	root *os.Root
	// create makes the file that Put writes; tests put a full disk in its place.
	create func(root *os.Root, name string) (storeFile, error)
}

// storeFile is what Put needs of a file.
type storeFile interface {
	io.Writer
	Sync() error
	Close() error
}

// tmpMark begins the names of unfinished files. No key can hold it.
const tmpMark = "~"

// staleAfter is the age at which an unfinished file was surely left by a crash.
const staleAfter = 24 * time.Hour

// OpenDirStore returns the store in dir, which is made if it is not there. Files
// that a crash left unfinished more than a day ago are removed.
func OpenDirStore(dir string) (*DirStore, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &DirStore{root: root, create: createIn}
	if err := s.sweep(time.Now()); err != nil {
		root.Close()
		return nil, fmt.Errorf("sweep store %s: %w", dir, err)
	}
	return s, nil
}

// createIn makes a new file below root.
func createIn(root *os.Root, name string) (storeFile, error) {
	return root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
}

// sweep removes what crashes left.
func (s *DirStore) sweep(now time.Time) error {
	return fs.WalkDir(s.root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasPrefix(d.Name(), tmpMark) {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err != nil || now.Sub(info.ModTime()) < staleAfter {
			return ignoreMissing(err)
		}
		return ignoreMissing(s.root.Remove(p))
	})
}

// ignoreMissing forgives that another process was faster.
func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Put writes to a temporary file, has it on the disk and renames it.
func (s *DirStore) Put(ctx context.Context, key string, r io.Reader) error {
	if err := ready(ctx, key); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	dir := path.Dir(key)
	tmp := path.Join(dir, tmpMark+rand.Text())
	err := s.root.MkdirAll(dir, 0o755)
	if err == nil {
		err = s.write(ctx, tmp, r)
	}
	if err == nil {
		err = s.root.Rename(tmp, key)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, errors.Join(err, ignoreMissing(s.root.Remove(tmp))))
	}
	if err := s.syncUp(dir); err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// write makes the file name of all that r yields.
func (s *DirStore) write(ctx context.Context, name string, r io.Reader) error {
	f, err := s.create(s.root, name)
	if err != nil {
		return err
	}
	_, err = io.CopyBuffer(struct{ io.Writer }{f}, withContext(ctx, r), make([]byte, hashBuffer))
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncUp has the names on the disk, from dir up to the store's own directory: any
// of them may be new.
func (s *DirStore) syncUp(dir string) error {
	for {
		if err := syncDir(s.root, dir); err != nil {
			return err
		}
		if dir == "." {
			return nil
		}
		dir = path.Dir(dir)
	}
}

// Get opens what is under key. What it returns is a file: it reads from any place
// (io.ReaderAt) and stays good when the key is deleted meanwhile.
func (s *DirStore) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := ready(ctx, key); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	f, err := s.root.Open(key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("get %s: %w", key, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = ErrNotFound
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("get %s: %w", key, err)
	}
	return f, nil
}

// Delete removes what is under key. Directories that become empty are left: another
// process may be about to write into them.
func (s *DirStore) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	info, err := s.root.Lstat(key)
	if err == nil && info.IsDir() {
		return nil
	}
	if err == nil {
		err = s.root.Remove(key)
	}
	if ignoreMissing(err) != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}

// Close gives the directory back. The store is of no use afterwards.
func (s *DirStore) Close() error { return s.root.Close() }
