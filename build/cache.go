package build

import (
	"cmp"
	"fmt"
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
// Modes become 0755 and 0644, as with artifacts; modification times and empty
// directories are kept. Links that lead out of the directory are refused; those of a
// Workspace may lead to other places in the workspace.
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
	cacheExtras   = "extras"   // what a manifest has no lines for
	cacheUsed     = "used"     // its time is when the directory was last used
)

// entryName is the directory of a key: "~" stands for the slash and is in no key.
func entryName(key string) string { return strings.ReplaceAll(key, "/", "~") }

// unfinished begins the names of what has no key yet, or no longer.
const unfinished = "~"

// touch notes that the directory of a key was used.
func touch(at string) error {
	now := time.Now()
	return os.Chtimes(filepath.Join(at, cacheUsed), now, now)
}
