package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// cloning is how a file gets from one tree to another.
type cloning func(from *os.Root, to *os.Root, f File, buf []byte) error

// cloneTree makes the directory to of files below from, each verified, with their
// times. Both are directories that nothing can leave. Several goroutines take a
// directory each, which is opened once: a file costs no walk down from the root.
func cloneTree(ctx context.Context, from, to string, files []File, how cloning) error {
	src, err := os.OpenRoot(from)
	if err != nil {
		return err
	}
	defer src.Close()
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	dst, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(cloners())
	buffers := sync.Pool{New: func() any { return new([hashBuffer]byte) }}
	for dir, inside := range byDirectory(files) {
		group.Go(func() error {
			buf := buffers.Get().(*[hashBuffer]byte)
			defer buffers.Put(buf)
			return cloneDirectory(ctx, src, dst, dir, inside, how, buf[:])
		})
	}
	return group.Wait()
}

// cloners is how many directories are cloned at a time: while one waits for the disk
// another one hashes.
func cloners() int { return 2 * runtime.GOMAXPROCS(0) }

// byDirectory yields the directories of a manifest with what is right in them.
func byDirectory(files []File) map[string][]File {
	dirs := map[string][]File{}
	for _, f := range files {
		dir := filepath.Dir(f.Path)
		dirs[dir] = append(dirs[dir], f)
	}
	return dirs
}

// cloneDirectory makes the files and links right in one directory.
func cloneDirectory(ctx context.Context, from, to *os.Root, dir string, files []File, how cloning, buf []byte) error {
	if err := to.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	src, err := from.OpenRoot(dir)
	if err != nil {
		return sourceError(err)
	}
	defer src.Close()
	dst, err := to.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer dst.Close()
	for _, f := range files {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		f.Path = filepath.Base(f.Path)
		if f.Link != "" {
			err = dst.Symlink(f.Link, f.Path)
		} else {
			err = how(src, dst, f, buf)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sourceError is a tree that is not as its manifest says: a directory that is a link
// out of it, a file that is a directory. It is told apart from a full disk, which is
// no reason to distrust the tree.
func sourceError(err error) error { return fmt.Errorf("%w: %w", ErrCorrupt, err) }

// openSource opens a regular file of a tree, and waits for no named pipe.
func openSource(from *os.Root, f File) (*os.File, fs.FileInfo, error) {
	info, err := from.Lstat(f.Path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file", f.Path)
	}
	if err != nil {
		return nil, nil, sourceError(err)
	}
	in, err := from.Open(f.Path)
	if err != nil {
		return nil, nil, sourceError(err)
	}
	return in, info, nil
}

// copyOnly copies the bytes and verifies them on the way.
func copyOnly(from, to *os.Root, f File, buf []byte) error {
	return transfer(from, to, f, func(out, in *os.File) error {
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{newVerifier(f, in)}, buf)
		return err
	})
}

// cloneOrCopy shares the blocks where the file system can, and verifies the clone.
func cloneOrCopy(from, to *os.Root, f File, buf []byte) error {
	return transfer(from, to, f, func(out, in *os.File) error {
		var source io.Reader = newVerifier(f, in)
		if reflink(out, in) == nil {
			_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, source, buf)
			return err
		}
		_, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{source}, buf)
		return err
	})
}

// transfer makes the file and gives it its mode and the time of the original.
func transfer(from, to *os.Root, f File, fill func(out, in *os.File) error) error {
	in, info, err := openSource(from, f)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := to.OpenFile(f.Path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = fill(out, in)
	if err == nil {
		err = out.Chmod(f.Mode.Perm())
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	return to.Chtimes(f.Path, time.Time{}, info.ModTime())
}

// hardLink verifies a file, takes the write permission from it and links it.
func hardLink(from, to *os.Root, f File, buf []byte) error {
	in, _, err := openSource(from, f)
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, newVerifier(f, in), buf); err != nil {
		return err
	}
	if err := in.Chmod(f.Mode.Perm() &^ 0o222); err != nil {
		return err
	}
	return os.Link(filepath.Join(from.Name(), f.Path), filepath.Join(to.Name(), f.Path))
}
