package rails

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// compilers are the gems that bring assets:precompile.
var compilers = []string{"sprockets-rails", "sprockets", "propshaft", "webpacker", "shakapacker", "vite_rails", "jsbundling-rails", "cssbundling-rails"}

// compiled are the directories that assets:precompile fills.
var compiled = []string{"public/assets", "public/packs", "public/vite"}

// blind are directories that assets do not read.
var blind = []string{
	".git", ".github", "app/controllers", "app/models", "app/jobs", "app/mailers", "app/mailboxes", "app/channels",
	"db", "doc", "docs", "test", "spec", "features", "log", "tmp", "storage", "coverage", "node_modules", "vendor/bundle", ".bundle",
}

// note is where what the cache knows of compiled assets is put, out of the artifact's
// way.
const note = "tmp/compiled"

// compilation is what is written to a note.
type compilation struct {
	// Own are the files that this compilation made, by their directory: others are of
	// the one before.
	Own map[string][]string `json:"own"`
}

// assets puts compiled assets in place, where the app has a task for it.
func (a *app) assets(ctx context.Context) error {
	if a.config.Assets == Never || a.config.Assets == Auto && !a.locks(compilers...) {
		a.ws.Logf("assets:precompile is not run: no gem of the bundle brings it")
		return nil
	}
	key, err := a.assetsKey()
	if err != nil {
		return err
	}
	hit, before, err := a.recall(ctx, key)
	if err != nil {
		return err
	}
	if hit {
		a.ws.Logf("no input of the assets changed: assets:precompile is not run")
		return nil
	}
	if err := a.compile(ctx, key); err != nil {
		return err
	}
	return a.keep(ctx, key, before)
}

// compile runs assets:precompile, with its JavaScript dependencies and the cache of
// the compiler.
func (a *app) compile(ctx context.Context, key build.CacheKey) error {
	const cache = "tmp/cache/assets"
	if err := a.unpack(ctx); err != nil {
		return err
	}
	scratch := key
	scratch.Name = "assets-cache"
	if err := os.RemoveAll(filepath.Join(a.ws.Dir, cache)); err != nil {
		return err
	}
	if _, err := a.ws.Restore(ctx, cache, scratch.Exact(), scratch.Family()); err != nil {
		return err
	}
	done := func() error { return nil }
	if a.project != nil {
		installed, err := a.project.Install(ctx, a.ws)
		if err != nil {
			return err
		}
		done = func() error { return installed.Done(ctx, a.ws) }
	}
	if err := a.ws.Run(ctx, a.script("rails", "assets:precompile")); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(a.ws.Dir, cache)); err == nil {
		if err := a.ws.Give(ctx, cache, scratch.Exact()); err != nil {
			a.ws.Logf("the compiler's cache is not kept: %v", err)
		}
	}
	return done()
}

// assetsKey is the key of compiled assets: a digest of all that assets may read.
func (a *app) assetsKey() (build.CacheKey, error) {
	skip := slices.Concat(blind, a.config.AssetBlind)
	if a.sees() {
		skip = []string{".git", "log", "tmp", "node_modules", "vendor/bundle", ".bundle"}
	}
	var inputs []string
	err := filepath.WalkDir(a.ws.Dir, func(at string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		p, err := filepath.Rel(a.ws.Dir, at)
		p = filepath.ToSlash(p)
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(skip, p):
			return filepath.SkipDir
		case d.Type().IsRegular() && !(strings.HasSuffix(p, ".md") && !strings.Contains(p, "/")):
			inputs = append(inputs, p)
		}
		return nil
	})
	if err != nil {
		return build.CacheKey{}, err
	}
	digest, err := build.DigestFiles(a.ws.Dir, inputs...)
	return build.CacheKey{
		Name: "assets", Libc: a.machine.libc, Toolchain: "ruby " + a.machine.version + " " + a.machine.platform, Builder: version + a.Identity(),
		Inputs: digest,
	}, err
}

// sees says whether a compiler of the app looks for class names anywhere in the tree.
func (a *app) sees() bool {
	if a.locks("tailwindcss-rails", "tailwindcss-ruby", "cssbundling-rails") {
		return true
	}
	return a.project != nil && (a.project.Manifest().Depends("tailwindcss") || a.project.Manifest().Depends("@tailwindcss/cli"))
}

// recall takes compiled assets from the cache. Without a hit it returns what the
// compilation before made, if that is known.
func (a *app) recall(ctx context.Context, key build.CacheKey) (hit bool, before string, err error) {
	if err := os.RemoveAll(filepath.Join(a.ws.Dir, note)); err != nil {
		return false, "", err
	}
	before, err = a.ws.Restore(ctx, note, key.Exact(), key.Family())
	if err != nil || before != key.Exact() {
		return false, before, err
	}
	c, err := a.readNote()
	if err != nil {
		return false, "", nil // A note that cannot be read is none.
	}
	for dir := range c.Own {
		if err := a.empty(dir); err != nil {
			return false, "", err
		}
		if got, err := a.ws.Restore(ctx, dir, entry(before, dir)); got == "" || err != nil {
			return false, "", err
		}
	}
	return true, before, nil
}

// empty removes a directory that is to be restored. Files that the source has there
// were part of the compilation that is restored.
func (a *app) empty(dir string) error {
	root, err := os.OpenRoot(a.ws.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.RemoveAll(dir)
}

// entry is the key of one compiled directory beside the key of its note.
func entry(key, dir string) string { return key + "/" + strings.ReplaceAll(dir, "/", "-") }

// readNote reads the note that was restored.
func (a *app) readNote() (compilation, error) {
	var c compilation
	text, err := os.ReadFile(filepath.Join(a.ws.Dir, note, "own.json"))
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	for dir := range c.Own {
		if !slices.Contains(compiled, dir) {
			err = errors.Join(err, fmt.Errorf("the note names %q", dir))
		}
	}
	return c, err
}

// keep lays the files of the compilation before beside the new ones, and saves both.
func (a *app) keep(ctx context.Context, key build.CacheKey, before string) error {
	old, err := a.readNote()
	if err != nil {
		old = compilation{}
	}
	now := compilation{Own: map[string][]string{}}
	for _, dir := range compiled {
		files, err := list(filepath.Join(a.ws.Dir, dir))
		if err != nil {
			return err
		}
		if len(files) == 0 {
			continue
		}
		if err := a.steady(dir, files); err != nil {
			return fmt.Errorf("normalise %s: %w", dir, err)
		}
		if now.Own[dir], err = list(filepath.Join(a.ws.Dir, dir)); err != nil {
			return err
		}
	}
	for dir, files := range old.Own {
		if err := a.lay(ctx, dir, files, before); err != nil {
			return err
		}
	}
	text, err := json.Marshal(now)
	at := filepath.Join(a.ws.Dir, note)
	if err := errors.Join(err, os.RemoveAll(at), os.MkdirAll(at, 0o755), os.WriteFile(filepath.Join(at, "own.json"), text, 0o644)); err != nil {
		return err
	}
	for dir := range now.Own {
		if err := a.ws.Save(ctx, dir, entry(key.Exact(), dir)); err != nil {
			a.ws.Logf("compiled assets are not cached: %v", err)
			return context.Cause(ctx)
		}
	}
	// The note comes last: what it names is there.
	if err := a.ws.Save(ctx, note, key.Exact()); err != nil {
		a.ws.Logf("compiled assets are not cached: %v", err)
	}
	return context.Cause(ctx)
}

// lay puts the files that an earlier compilation made into dir, where no file of that
// name is. Manifests are those of the new one.
func (a *app) lay(ctx context.Context, dir string, files []string, before string) error {
	const old = "tmp/compiled-before"
	if err := a.empty(old); err != nil {
		return err
	}
	if hit, err := a.ws.Restore(ctx, old, entry(before, dir)); hit == "" || err != nil {
		return err
	}
	from, err := os.OpenRoot(filepath.Join(a.ws.Dir, old))
	if err != nil {
		return err
	}
	defer from.Close()
	if err := os.MkdirAll(filepath.Join(a.ws.Dir, dir), 0o755); err != nil {
		return err
	}
	to, err := os.OpenRoot(filepath.Join(a.ws.Dir, dir))
	if err != nil {
		return err
	}
	defer to.Close()
	kept := 0
	for _, p := range files {
		if manifest(p) {
			continue
		}
		if _, err := to.Lstat(p); err == nil {
			continue
		}
		text, err := from.ReadFile(p)
		if err := errors.Join(err, to.MkdirAll(path.Dir(p), 0o755), to.WriteFile(p, text, 0o644)); err != nil {
			return err
		}
		kept++
	}
	a.ws.Logf("%s: %d files of the release before are kept", dir, kept)
	return nil
}

// manifest says whether a compiled file lists the others.
func manifest(p string) bool {
	name := path.Base(p)
	return strings.HasPrefix(name, ".") || strings.Contains(name, "manifest") && strings.HasSuffix(name, ".json")
}

// list returns the regular files below dir, sorted; nothing where dir is not there.
func list(dir string) ([]string, error) {
	var files []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, p)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return files, err
}
