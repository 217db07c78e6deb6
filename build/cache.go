package build

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Cache keeps directories from one build to the next, by key. Several processes may
// share one. It is only ever a shortcut: each file is verified when it is restored,
// and what is broken is dropped and never trusted.
//
// A directory is restored by clones that share blocks, where the file system can
// (reflinks), or else by copies. Hard links are for callers that promise to write
// nothing in place, with LinkReadOnly: a builder that does would spoil the cache,
// and every tree that was restored from it.
//
// Modes become 0755 and 0644 and empty directories are lost, as with artifacts;
// modification times are kept. Links that lead out of the directory are refused by
// Save.
type Cache struct {
	dir     string
	options CacheOptions
}

// CacheOptions sets up a Cache.
type CacheOptions struct {
	// MaxBytes is how much may be kept; what was used least recently goes first.
	// Zero means 20 GiB.
	MaxBytes int64
	// LinkReadOnly restores by hard links, with the write permission taken from the
	// files. A process of root writes to them all the same.
	LinkReadOnly bool
	// Limits bounds one directory.
	Limits Limits
}

// OpenCache returns the cache in dir, which is made if it is not there. What
// crashes left unfinished more than a day ago is removed.
func OpenCache(dir string, o CacheOptions) (*Cache, error) {
	dir, err := filepath.Abs(dir)
	if err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("open cache: %w", err)
	}
	o.MaxBytes = cmp.Or(o.MaxBytes, 20<<30)
	c := &Cache{dir: dir, options: o}
	if err := c.sweep(time.Now()); err != nil {
		return nil, fmt.Errorf("sweep cache %s: %w", dir, err)
	}
	return c, nil
}

// Names within the directory of one key.
const (
	cacheTree     = "tree"
	cacheManifest = "manifest" // its time is when the directory was saved
	cacheUsed     = "used"     // its time is when the directory was last used
)

// entryName is the directory of a key: "~" stands for the slash and is in no key.
func entryName(key string) string { return strings.ReplaceAll(key, "/", "~") }

// unfinished begins the names of what has no key yet, or no longer.
const unfinished = "~"

// Save keeps a copy of dir under key. What is there under key already stays, and
// counts as used. Then the least recently used go until all fit.
func (c *Cache) Save(ctx context.Context, dir, key string) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("save to cache: %w", err)
	}
	at := filepath.Join(c.dir, entryName(key))
	if touch(at) == nil {
		return nil
	}
	tmp := filepath.Join(c.dir, unfinished+rand.Text())
	defer os.RemoveAll(tmp)
	if err := c.fill(ctx, tmp, dir); err != nil {
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
func (c *Cache) fill(ctx context.Context, at, dir string) error {
	a, err := Record(ctx, dir, RecordOptions{Limits: c.options.Limits})
	if err != nil {
		return err
	}
	text, err := EncodeManifest(a.Manifest)
	if err != nil {
		return err
	}
	if err := os.Mkdir(at, 0o755); err != nil {
		return err
	}
	if err := cloneTree(ctx, dir, filepath.Join(at, cacheTree), a.Manifest, copyOnly); err != nil {
		return err
	}
	for name, content := range map[string][]byte{cacheManifest: text, cacheUsed: nil} {
		if err := os.WriteFile(filepath.Join(at, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// touch notes that the directory of a key was used.
func touch(at string) error {
	now := time.Now()
	return os.Chtimes(filepath.Join(at, cacheUsed), now, now)
}

// Restore puts what was saved under the first of keys that fits to dir, which is
// missing or empty, and returns the key that it was saved under, or "" where
// nothing fits. A key that ends with a slash stands for the newest directory that
// was saved under a key which begins with it.
func (c *Cache) Restore(ctx context.Context, dir string, keys ...string) (hit string, err error) {
	if entries, err := os.ReadDir(dir); len(entries) > 0 {
		return "", fmt.Errorf("restore %s: it is not empty", dir)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("restore %s: %w", dir, err)
	}
	for _, key := range keys {
		if err := CheckKey(strings.TrimSuffix(key, "/")); err != nil {
			return "", fmt.Errorf("restore %s: %w", dir, err)
		}
		for _, name := range c.candidates(key) {
			ok, err := c.restore(ctx, name, dir)
			if err != nil {
				return "", fmt.Errorf("restore %s from cache: %w", dir, err)
			}
			if ok {
				return strings.ReplaceAll(name, "~", "/"), nil
			}
		}
	}
	return "", nil
}

// restore tries one directory. One that is broken is dropped; one that somebody
// else drops meanwhile does not fit.
func (c *Cache) restore(ctx context.Context, name, dir string) (bool, error) {
	at := filepath.Join(c.dir, name)
	text, err := os.ReadFile(filepath.Join(at, cacheManifest))
	if errors.Is(err, fs.ErrNotExist) {
		return false, c.drop(name) // Half of one would keep the key from being saved again.
	}
	if err != nil {
		return false, err
	}
	files, err := ParseManifest(text)
	if err != nil {
		return false, c.drop(name)
	}
	tmp := dir + unfinished + rand.Text()
	defer os.RemoveAll(tmp)
	how := cloneOrCopy
	if c.options.LinkReadOnly {
		how = hardLink
	}
	if err := cloneTree(ctx, filepath.Join(at, cacheTree), tmp, files, how); err != nil {
		if errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
			return false, c.drop(name)
		}
		return false, err
	}
	if err := ignoreMissing(os.Remove(dir)); err != nil {
		return false, err
	}
	if err := os.Rename(tmp, dir); err != nil {
		return false, err
	}
	return true, ignoreMissing(touch(at))
}
