package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// parts is a file in the cached node_modules at the root. It lists the packages of the
// workspace that have a node_modules of their own, a line each: all of them belong to
// one install, and are only good together.
const parts = ".muster-packages"

// Done hands node_modules to the cache. It is called at the end of a build that
// succeeded: node_modules may be gone afterwards. What build tools keep in it for
// themselves is removed first, so that a build never depends on the one before.
func (in *Installed) Done(ctx context.Context, ws *build.Workspace) error {
	if ws.Cache == nil || in.project.hooked != "" {
		return nil
	}
	at := filepath.Join(ws.Dir, modules)
	if info, err := os.Lstat(at); err != nil || !info.IsDir() {
		return nil // Plug'n'Play, or nothing to install
	}
	if err := in.give(ctx, ws, at); err != nil {
		if context.Cause(ctx) != nil {
			return err
		}
		// A build that succeeded does not fail because the next one will be slower.
		ws.Logf("%s is not cached: %v", modules, err)
	}
	return nil
}

// give keeps the node_modules of the root last: with it the install counts as kept.
func (in *Installed) give(ctx context.Context, ws *build.Workspace, root string) error {
	for _, own := range []string{".cache", ".vite", ".vite-temp", ".embroider", ".tmp"} {
		if err := os.RemoveAll(filepath.Join(root, own)); err != nil {
			return err
		}
	}
	var list strings.Builder
	for _, dir := range in.project.packages() {
		info, err := os.Lstat(filepath.Join(ws.Dir, filepath.FromSlash(dir), modules))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil || !info.IsDir() {
			return fmt.Errorf("%s/%s is no directory", dir, modules)
		}
		fmt.Fprintln(&list, dir)
	}
	if err := os.WriteFile(filepath.Join(root, parts), []byte(list.String()), 0o644); err != nil {
		return err
	}
	for dir := range strings.Lines(list.String()) {
		dir = strings.TrimSuffix(dir, "\n")
		if err := ws.Give(ctx, path.Join(dir, modules), partKey(in.key, dir)); err != nil {
			return err
		}
	}
	return ws.Give(ctx, modules, in.key)
}

// restore takes an install from the cache, all of it or nothing.
func (p *Project) restore(ctx context.Context, ws *build.Workspace, key string) (bool, error) {
	hit, err := ws.Borrow(ctx, modules, key)
	if err != nil || hit == "" {
		return false, err
	}
	list, err := os.ReadFile(filepath.Join(ws.Dir, modules, parts))
	if err != nil {
		return false, p.giveUp(ctx, ws, key, nil)
	}
	var dirs []string
	for dir := range strings.Lines(string(list)) {
		dirs = append(dirs, strings.TrimSuffix(dir, "\n"))
	}
	for i, dir := range dirs {
		hit, err := ws.Borrow(ctx, path.Join(dir, modules), partKey(key, dir))
		if err != nil {
			return false, err
		}
		if hit == "" {
			ws.Logf("the cache has lost %s/%s", dir, modules)
			return false, p.giveUp(ctx, ws, key, dirs[:i])
		}
	}
	return true, nil
}

// giveUp gives back what was restored of an install that is not whole, and has none of
// it in the tree.
func (p *Project) giveUp(ctx context.Context, ws *build.Workspace, key string, dirs []string) error {
	root, err := os.OpenRoot(ws.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	err = errors.Join(ws.Give(ctx, modules, key), root.RemoveAll(modules))
	for _, dir := range dirs {
		at := path.Join(dir, modules)
		err = errors.Join(err, ws.Give(ctx, at, partKey(key, dir)), root.RemoveAll(at))
	}
	return err
}

// packages lists the directories below the root that have a package.json.
func (p *Project) packages() []string {
	var dirs []string
	for _, file := range p.inputs {
		if dir, name := path.Split(file); name == "package.json" && dir != "" {
			dirs = append(dirs, path.Clean(dir))
		}
	}
	return dirs
}

// partKey is the key of the node_modules of one package of a workspace.
func partKey(root, dir string) string {
	return build.CacheKey{Name: "node_modules-package", OS: root, Inputs: dir}.Exact()
}
