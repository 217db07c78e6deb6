package build

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// loan is a directory that was taken out of a cache, to be put back.
type loan struct {
	cache *Cache
	key   string
	claim string // what is left of the directory of the key, under a name that nobody finds
	// pledged says that the cache has never had it, see Pledge.
	pledged bool
}

// borrow moves what is under key to dir, whose links may lead to places below root. It
// is verified first: what is broken is dropped, and what the manifest does not list is
// removed. Where dir is on another file system, nothing is moved, and ok is false.
func (c *Cache) borrow(ctx context.Context, root, dir, key string) (l *loan, ok bool, err error) {
	if err := CheckKey(key); err != nil {
		return nil, false, err
	}
	at := filepath.Join(c.dir, entryName(key))
	l = &loan{cache: c, key: key, claim: filepath.Join(c.dir, unfinished+rand.Text())}
	if err := os.Rename(at, l.claim); err != nil {
		return nil, false, ignoreMissing(err)
	}
	err = l.prepare(ctx, root, dir)
	if err == nil {
		err = l.move(dir)
	}
	switch {
	case err == nil:
		return l, true, nil
	case errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist):
		return nil, false, removeTree(l.claim)
	case errors.Is(err, errElsewhere):
		return nil, false, l.settle()
	}
	return nil, false, errors.Join(err, l.settle())
}

// errElsewhere says that a directory cannot be moved, as it is on another file system.
var errElsewhere = errors.New("it is on another file system")

// move takes the directory out of the claim.
func (l *loan) move(dir string) error {
	if err := ignoreMissing(os.Remove(dir)); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(l.claim, cacheTree), dir); err != nil {
		return fmt.Errorf("%w: %w", errElsewhere, err)
	}
	return nil
}

// back puts dir where it was taken from. It is verified when somebody wants it next.
func (l *loan) back(dir string) error {
	err := os.Rename(dir, filepath.Join(l.claim, cacheTree))
	if err == nil {
		err = ignoreMissing(touch(l.claim))
	}
	if err != nil {
		return errors.Join(err, removeTree(l.claim))
	}
	return l.settle()
}

// settle gives the claim its key again. Where another build has saved a directory of
// its own meanwhile, that stays: it is as good.
func (l *loan) settle() error {
	err := os.Rename(l.claim, filepath.Join(l.cache.dir, entryName(l.key)))
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err == nil && l.pledged {
		err = l.cache.shrink()
	}
	return errors.Join(err, removeTree(l.claim))
}

// prepare makes the directory what it was when it was saved, or returns ErrCorrupt.
func (l *loan) prepare(ctx context.Context, root, dir string) error {
	files, more, err := readEntry(l.claim, root, dir)
	if err != nil {
		return err
	}
	p := placement{tree: filepath.Join(l.claim, cacheTree), files: files}
	if err := p.verify(ctx, nil); err != nil {
		return err
	}
	return tidy(p.tree, files, more)
}

// tidy removes from a directory what is not listed, and holds links against what they
// have to say. Files have been verified.
func tidy(dir string, files []File, more extras) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	listed, links := listing(files, more)
	err = fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		to, link := links[p]
		switch {
		case err != nil:
			return err
		case !listed[p]:
			return sweep(root, p, d)
		case link:
			delete(links, p)
			return holdLink(root, p, to)
		case d.Type() == fs.ModeSymlink:
			return fmt.Errorf("%s is a link, and was none: %w", p, ErrCorrupt)
		}
		return nil
	})
	for p := range links {
		err = errors.Join(err, fmt.Errorf("the link %s is missing: %w", p, ErrCorrupt))
	}
	if err != nil {
		return err
	}
	return more.makeDirs(root)
}

// sweep removes what a walk has come to, and has it go on beside it.
func sweep(root *os.Root, p string, d fs.DirEntry) error {
	if err := root.RemoveAll(p); err != nil || !d.IsDir() {
		return err
	}
	return fs.SkipDir
}

// holdLink says whether a link is what it has to be.
func holdLink(root *os.Root, p, to string) error {
	if is, err := root.Readlink(p); err != nil || is != to {
		return fmt.Errorf("%s is no link to %s: %w", p, to, ErrCorrupt)
	}
	return nil
}

// listing returns all paths that may be in a directory, with the directories above
// them, and where the links among them lead.
func listing(files []File, more extras) (listed map[string]bool, links map[string]string) {
	listed, links = map[string]bool{".": true}, map[string]string{}
	add := func(p string) {
		for ; !listed[p]; p = path.Dir(p) {
			listed[p] = true
		}
	}
	for _, f := range files {
		add(f.Path)
		if f.Link != "" {
			links[f.Path] = f.Link
		}
	}
	for _, p := range more.Dirs {
		add(filepath.ToSlash(p))
	}
	for p, to := range more.Links {
		add(filepath.ToSlash(p))
		links[filepath.ToSlash(p)] = to
	}
	return listed, links
}

// Borrow restores dir as Restore does, without copying a file: it is taken out of the
// cache, and others do not find it there until it is given back, under the same key, by
// Give, or by Settle where the build has failed. Where the process is killed, the cache
// has lost a directory.
//
// Nobody waits for a directory that is lent: a build that wants it meanwhile finds
// nothing, and makes its own, which takes as long as without a cache and no longer.
// Waiting would take as long as the other build, which may hang. The first of them to
// give back is kept, and what the others give back is dropped. One key is either lent or
// placed: a build that placed what another one borrows is built again.
//
// What a build added to dir is removed when it is borrowed the next time; where it
// changed what was there, the whole is dropped then.
func (ws *Workspace) Borrow(ctx context.Context, dir, key string) (hit string, err error) {
	if ws.Cache == nil {
		return "", nil
	}
	at, err := ws.inside(dir)
	if err != nil {
		return "", fmt.Errorf("borrow %s: %w", dir, err)
	}
	if entries, _ := os.ReadDir(at); len(entries) > 0 {
		return "", fmt.Errorf("borrow %s: it is not empty", dir)
	}
	l, ok, err := ws.Cache.borrow(ctx, ws.Dir, at, key)
	if err != nil {
		return "", fmt.Errorf("borrow %s from cache %s: %w", dir, key, err)
	}
	if !ok {
		return ws.Restore(ctx, dir, key)
	}
	ws.owe(at, l)
	ws.Logf("%s borrowed from cache %s", dir, key)
	return key, nil
}

// owe notes what is to be given to the cache.
func (ws *Workspace) owe(at string, l *loan) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.borrowed == nil {
		ws.borrowed = map[string]*loan{}
	}
	ws.borrowed[at] = l
}

// settled returns what is owed for a directory, if it is under the key, which is any
// where that is empty, and forgets it.
func (ws *Workspace) settled(at, key string) *loan {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	l := ws.borrowed[at]
	if l == nil || key != "" && l.key != key {
		return nil
	}
	delete(ws.borrowed, at)
	return l
}

// repay gives one directory back, if it was borrowed or pledged under the key; any key
// where that is empty.
func (ws *Workspace) repay(at, key string) (borrowed bool, err error) {
	l := ws.settled(at, key)
	if l == nil {
		return false, nil
	}
	return true, l.back(at)
}

// Settle gives to the cache what a builder has borrowed or pledged, and has neither given
// back nor redeemed. A Workshop does it when a builder has returned, whatever came of the
// build; whoever makes a Workspace without one has to.
func (ws *Workspace) Settle() {
	ws.mu.Lock()
	var left []string
	for at := range ws.borrowed {
		left = append(left, at)
	}
	ws.mu.Unlock()
	for _, at := range left {
		if _, err := ws.repay(at, ""); err != nil {
			ws.Logf("%s is lost to the cache: %v", strings.TrimPrefix(at, ws.Dir+"/"), err)
		}
	}
}
