package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Restore puts what was saved under the first of keys that fits to dir, which is
// missing or empty, and returns the key that it was saved under, or "" where
// nothing fits. A key that ends with a slash stands for the newest directory that
// was saved under a key which begins with it.
func (c *Cache) Restore(ctx context.Context, dir string, keys ...string) (hit string, err error) {
	return c.give(ctx, dir, dir, keys)
}

// give restores dir, whose links may lead to places below root.
func (c *Cache) give(ctx context.Context, root, dir string, keys []string) (hit string, err error) {
	hit, err = c.first(dir, keys, func(name string) (bool, error) { return c.restore(ctx, name, root, dir) })
	if err != nil {
		return "", fmt.Errorf("restore %s from cache: %w", dir, err)
	}
	return hit, nil
}

// first tries what the keys stand for, until one does.
func (c *Cache) first(dir string, keys []string, try func(name string) (bool, error)) (hit string, err error) {
	if entries, err := os.ReadDir(dir); len(entries) > 0 {
		return "", errors.New("it is not empty")
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	for _, key := range keys {
		if err := CheckKey(strings.TrimSuffix(key, "/")); err != nil {
			return "", err
		}
		for _, name := range c.candidates(key) {
			ok, err := try(name)
			if err != nil {
				return "", err
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
func (c *Cache) restore(ctx context.Context, name, root, dir string) (bool, error) {
	at := filepath.Join(c.dir, name)
	files, more, err := readEntry(at, root, dir)
	if errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist) {
		return false, c.drop(name) // Half of one would keep the key from being saved again.
	}
	if err != nil {
		return false, err
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
	if err := more.make(tmp); errors.Is(err, fs.ErrExist) {
		return false, c.drop(name) // They collide with what the manifest lists.
	} else if err != nil {
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

// readEntry returns what is to be restored to dir. What cannot be is ErrCorrupt.
func readEntry(at, root, dir string) ([]File, extras, error) {
	text, err := os.ReadFile(filepath.Join(at, cacheManifest))
	if err != nil {
		return nil, extras{}, err
	}
	extra, err := os.ReadFile(filepath.Join(at, cacheExtras))
	if err != nil {
		return nil, extras{}, err
	}
	files, err := ParseManifest(text)
	if err != nil {
		return nil, extras{}, err
	}
	more, err := parseExtras(extra, root, dir)
	return files, more, err
}
