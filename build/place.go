package build

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"strings"
)

// Place has the artifact hold at dir what Restore would put there, and makes no file:
// it is for a builder that needs dir for nothing but the artifact, as the gems of an
// app of which nothing has to be compiled. The files are read from the cache when the
// artifact is recorded and kept. A later Restore of dir takes it back.
//
// What is placed is verified here and once more on its way into a store. Where the
// cache loses it in between, the Workshop builds again, and restores it.
func (ws *Workspace) Place(ctx context.Context, dir string, keys ...string) (hit string, err error) {
	if ws.Cache == nil || ws.careful {
		return ws.Restore(ctx, dir, keys...)
	}
	at, err := ws.inside(dir)
	if err != nil {
		return "", fmt.Errorf("place %s: %w", dir, err)
	}
	p, hit, err := ws.Cache.place(ctx, ws.Dir, at, keys)
	if err != nil || hit == "" {
		return "", err
	}
	ws.put(at, p)
	ws.Logf("%s taken from cache %s", dir, hit)
	return hit, nil
}

// put notes what is placed at a path.
func (ws *Workspace) put(at string, p placement) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.placed == nil {
		ws.placed = map[string]placement{}
	}
	ws.placed[relativeTo(ws.Dir, at)] = p
}

// relativeTo is at below dir, slash-separated, links of dir itself followed.
func relativeTo(dir, at string) string {
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return filepath.ToSlash(relative(dir, at))
}

// unplace forgets that a directory was placed.
func (ws *Workspace) unplace(at string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	delete(ws.placed, relativeTo(ws.Dir, at))
}

// placements are those below a directory of the workspace, by path relative to it.
func (ws *Workspace) placements(dir string) map[string]placement {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	dir = path.Clean(filepath.ToSlash(dir))
	if dir == "." {
		return maps.Clone(ws.placed)
	}
	below := map[string]placement{}
	for p, of := range ws.placed {
		if rest, ok := strings.CutPrefix(p, dir+"/"); ok {
			below[rest] = of
		}
	}
	return below
}

// lost says whether an error may come from a placed directory that is not what it was:
// dropped from the cache by another process, or damaged.
func (ws *Workspace) lost(err error) bool {
	return len(ws.placements(".")) > 0 && (errors.Is(err, ErrCorrupt) || errors.Is(err, fs.ErrNotExist))
}
