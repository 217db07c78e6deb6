package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Save keeps a copy of dir under key. What is there under key already stays, and
// counts as used. Then the least recently used go until all fit.
func (c *Cache) Save(ctx context.Context, dir, key string) error {
	return c.take(ctx, dir, dir, key, copied)
}

// Give keeps dir under key as Save does, and takes the directory itself where it is
// on the same file system: dir is gone afterwards. It costs a fraction of a copy.
func (c *Cache) Give(ctx context.Context, dir, key string) error {
	if err := c.take(ctx, dir, dir, key, moved); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

// taking gets a directory, of which files are the manifest, to a place in the cache.
type taking func(ctx context.Context, dir, to string, files []File) error

// copied leaves the directory as it is.
func copied(ctx context.Context, dir, to string, files []File) error {
	return cloneTree(ctx, dir, to, files, copyOnly)
}

// moved takes the directory with all that is in it. Its links and empty directories
// come along, and are not looked at in the cache.
func moved(ctx context.Context, dir, to string, files []File) error {
	if os.Rename(dir, to) == nil {
		return nil
	}
	return copied(ctx, dir, to, files)
}

// take keeps dir, whose links may lead to places below root.
func (c *Cache) take(ctx context.Context, root, dir, key string, how taking) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("save to cache: %w", err)
	}
	at := filepath.Join(c.dir, entryName(key))
	if touch(at) == nil {
		return nil
	}
	tmp := filepath.Join(c.dir, unfinished+rand.Text())
	defer os.RemoveAll(tmp)
	if err := c.fill(ctx, tmp, root, dir, how); err != nil {
		return fmt.Errorf("save %s to cache %s: %w", dir, key, err)
	}
	// Another process may have been faster: its copy is as good.
	if err := os.Rename(tmp, at); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("save %s to cache %s: %w", dir, key, err)
	}
	return c.shrink()
}

// fill makes the directory of a key. Nothing of it is forced to the disk: what a
// power cut leaves behind does not pass the check of Restore.
func (c *Cache) fill(ctx context.Context, at, root, dir string, how taking) error {
	more, err := findExtras(root, dir)
	if err != nil {
		return err
	}
	a, err := Record(ctx, dir, RecordOptions{Limits: c.options.Limits, Omit: more.paths()})
	if err != nil {
		return err
	}
	text, err := EncodeManifest(a.Manifest)
	if err != nil {
		return err
	}
	extra, err := more.encode()
	if err != nil {
		return err
	}
	if err := os.Mkdir(at, 0o755); err != nil {
		return err
	}
	for name, content := range map[string][]byte{cacheManifest: text, cacheExtras: extra, cacheUsed: nil} {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o644); err != nil {
			return err
		}
	}
	// The directory comes last: one that was taken is not lost to a full disk.
	return how(ctx, dir, filepath.Join(at, cacheTree), a.Manifest)
}
