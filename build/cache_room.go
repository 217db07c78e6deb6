package build

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cacheEntry is a directory of the cache as its bookkeeping sees it.
type cacheEntry struct {
	name  string
	saved time.Time
	used  time.Time
	size  int64
}

// entries lists what is complete.
func (c *Cache) entries(prefix string) []cacheEntry {
	dirs, _ := os.ReadDir(c.dir)
	var list []cacheEntry
	for _, d := range dirs {
		if strings.HasPrefix(d.Name(), unfinished) || !strings.HasPrefix(d.Name(), prefix) {
			continue
		}
		saved, err1 := os.Stat(filepath.Join(c.dir, d.Name(), cacheManifest))
		used, err2 := os.Stat(filepath.Join(c.dir, d.Name(), cacheUsed))
		if err1 == nil && err2 == nil {
			list = append(list, cacheEntry{name: d.Name(), saved: saved.ModTime(), used: used.ModTime()})
		}
	}
	return list
}

// candidates lists the directories that a key of Restore stands for, the newest
// first.
func (c *Cache) candidates(key string) []string {
	if !strings.HasSuffix(key, "/") {
		return []string{entryName(key)}
	}
	list := c.entries(entryName(key))
	slices.SortFunc(list, func(a, b cacheEntry) int { return b.saved.Compare(a.saved) })
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = e.name
	}
	return names
}

// shrink drops what was used least recently until the rest fits.
func (c *Cache) shrink() error {
	list := c.entries("")
	var total int64
	for i, e := range list {
		list[i].size = c.size(e.name)
		total += list[i].size
	}
	slices.SortFunc(list, func(a, b cacheEntry) int { return a.used.Compare(b.used) })
	for _, e := range list {
		if total <= c.options.MaxBytes {
			return nil
		}
		if err := c.drop(e.name); err != nil {
			return err
		}
		total -= e.size
	}
	return nil
}

// size is that of the files of a directory, by its manifest.
func (c *Cache) size(name string) int64 {
	text, err := os.ReadFile(filepath.Join(c.dir, name, cacheManifest))
	if err != nil {
		return 0
	}
	files, err := ParseManifest(text)
	if err != nil {
		return 0
	}
	return (&Artifact{Manifest: files}).Size()
}

// drop removes a directory: first its name, so that nobody finds half of it.
func (c *Cache) drop(name string) error {
	away := filepath.Join(c.dir, unfinished+rand.Text())
	if err := os.Rename(filepath.Join(c.dir, name), away); err != nil {
		return ignoreMissing(err)
	}
	return os.RemoveAll(away)
}

// sweep removes what crashes left unfinished.
func (c *Cache) sweep(now time.Time) error {
	dirs, err := os.ReadDir(c.dir)
	for _, d := range dirs {
		info, statErr := d.Info()
		if statErr != nil || !strings.HasPrefix(d.Name(), unfinished) || now.Sub(info.ModTime()) < staleAfter {
			continue
		}
		if rm := os.RemoveAll(filepath.Join(c.dir, d.Name())); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}
	return err
}
