package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Pledge promises dir, as it is now, to the cache under key, for a builder that still
// needs it for a while and afterwards for nothing but the artifact: the gems with which
// assets are compiled. Redeem keeps the promise without copying a file. Where the build
// fails, Settle does. What is there under key already stays.
//
// Where the cache is on another file system, dir is copied at once, as Save does.
func (ws *Workspace) Pledge(ctx context.Context, dir, key string) error {
	if ws.Cache == nil {
		return nil
	}
	at, err := ws.inside(dir)
	if err != nil {
		return fmt.Errorf("pledge %s: %w", dir, err)
	}
	if ws.careful {
		return ws.Cache.take(ctx, ws.Dir, at, key, copied)
	}
	l, err := ws.Cache.pledge(ctx, ws.Dir, at, key)
	if err != nil {
		return fmt.Errorf("pledge %s to cache %s: %w", dir, key, err)
	}
	if l != nil {
		ws.owe(at, l)
	}
	return nil
}

// pledge prepares the directory of a key for dir to be moved to. There is no loan where
// nothing is left to be moved.
func (c *Cache) pledge(ctx context.Context, root, dir, key string) (*loan, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	if touch(filepath.Join(c.dir, entryName(key))) == nil {
		return nil, nil
	}
	l := &loan{cache: c, key: key, claim: filepath.Join(c.dir, unfinished+rand.Text()), pledged: true}
	moves := false
	err := c.fill(ctx, l.claim, root, dir, func(ctx context.Context, dir, to string, files []File) error {
		if size := (&Artifact{Manifest: files}).Size(); size > c.options.MaxBytes {
			return fmt.Errorf("it has %d bytes, and the cache has room for %d: raise CacheOptions.MaxBytes", size, c.options.MaxBytes)
		}
		if moves = movable(dir, to); moves {
			return nil
		}
		return copied(ctx, dir, to, files)
	})
	if err != nil {
		return nil, errors.Join(err, removeTree(l.claim))
	}
	if !moves {
		return nil, l.settle()
	}
	return l, nil
}

// movable says whether a directory beside dir can be renamed to a path, by trying.
func movable(dir, to string) bool {
	probe := dir + unfinished + rand.Text()
	if os.Mkdir(probe, 0o755) != nil {
		return false
	}
	defer os.Remove(probe)
	return os.Rename(probe, to) == nil && os.Remove(to) == nil
}

// Redeem moves to the cache what was pledged, and has the artifact hold it at dir, as
// Place does: it is gone from the workspace. What the build has added to it since is
// left out, so that the artifact is that of a later build which places it. Where the
// build has changed what was there, or another one has kept a directory under the key
// meanwhile, or nothing was pledged, dir stays as it is, and is not redeemed.
func (ws *Workspace) Redeem(ctx context.Context, dir string) (redeemed bool, err error) {
	at, err := ws.inside(dir)
	if err != nil {
		return false, fmt.Errorf("redeem %s: %w", dir, err)
	}
	l := ws.settled(at, "")
	if l == nil {
		return false, nil
	}
	p, ok, err := l.redeem(ctx, ws.Dir, at)
	if err != nil {
		return false, fmt.Errorf("redeem %s from cache %s: %w", dir, l.key, err)
	}
	if !ok {
		ws.Logf("%s is not kept in cache %s: the build has changed it, or the cache has it already", dir, l.key)
		return false, nil
	}
	ws.put(at, p)
	ws.Logf("%s moved to cache %s", dir, l.key)
	return true, nil
}

// redeem verifies dir, whose links may lead to places below root, and moves it. Without
// ok, dir is where it was, and nothing is left of the claim.
func (l *loan) redeem(ctx context.Context, root, dir string) (p placement, ok bool, err error) {
	files, more, err := readEntry(l.claim, root, dir)
	p = placement{tree: dir, files: files}
	if err == nil {
		err = p.verify(ctx, nil)
	}
	if err == nil {
		err = tidy(dir, files, more)
	}
	if err == nil {
		ok, err = l.handOver(dir)
	}
	if !ok || err != nil {
		if errors.Is(err, ErrCorrupt) {
			err = nil
		}
		return placement{}, false, errors.Join(err, removeTree(l.claim))
	}
	p.tree = filepath.Join(l.cache.dir, entryName(l.key), cacheTree)
	return p.with(more), true, l.cache.shrink()
}

// handOver moves dir to the cache under its key, or leaves it where it is.
func (l *loan) handOver(dir string) (ok bool, err error) {
	tree := filepath.Join(l.claim, cacheTree)
	if os.Rename(dir, tree) != nil {
		return false, nil
	}
	if os.Rename(l.claim, filepath.Join(l.cache.dir, entryName(l.key))) != nil {
		return false, os.Rename(tree, dir)
	}
	return true, nil
}
