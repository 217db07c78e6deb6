// Package command builds with a list of commands: the builder for whatever has none
// of its own.
//
//	builder, err := command.New(command.Config{
//		Run: []build.Command{
//			{Name: "go", Args: []string{"build", "-trimpath", "-o", "out/app", "."}, Network: true},
//		},
//		Output: "out",
//	})
//
// It normalises nothing: the commands are to yield equal files from equal sources,
// wherever the tree lies.
package command

import (
	"context"
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

// Config says what to run and what the result is.
type Config struct {
	// Run are the commands, one after the other. The first that does not succeed
	// ends the build.
	Run []build.Command

	// Output is the directory that becomes the artifact, relative to the source
	// tree; empty means the tree itself. Unless it is the tree itself, what the
	// source has there is removed first, so that nothing stale is shipped.
	Output string

	// Omit lists files and directories that are left out, relative to Output.
	Omit []string

	// Classes are patterns, as path.Match has them, by which files get a class; a
	// pattern without a slash is matched with the file's name alone. The first that
	// matches decides.
	Classes []Classify

	// Caches are directories to keep from one build to the next.
	Caches []Cached

	// Tools are the versions that every command needs.
	Tools []build.Tool
}

// Classify gives files a class.
type Classify struct {
	Pattern string
	Class   build.Class
}

// Cached is a directory that is restored before the commands run, and saved after
// they succeeded.
type Cached struct {
	// Name is a word for it, unique among the builders of a workshop.
	Name string
	// Dir is the directory, relative to the source tree.
	Dir string
	// Inputs are the files that decide what is in it, as a lockfile.
	Inputs []string
	// Toolchain is the version of what makes it.
	Toolchain string
}

// builder is a build.Builder.
type builder struct{ config Config }

// New returns the builder, or every complaint about c at once.
func New(c Config) (build.Builder, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("command builder: %w", err)
	}
	return &builder{c}, nil
}

// check returns every complaint about c.
func (c Config) check() error {
	var errs []error
	if len(c.Run) == 0 {
		errs = append(errs, errors.New("no commands: set Run"))
	}
	for i, run := range c.Run {
		if err := run.Check(); err != nil {
			errs = append(errs, fmt.Errorf("command %d: %w", i+1, err))
		}
	}
	errs = append(errs, inside("Output", c.Output))
	for _, p := range c.Omit {
		errs = append(errs, inside("Omit", p))
	}
	for _, k := range c.Classes {
		if _, err := path.Match(k.Pattern, ""); err != nil || k.Class == build.Other {
			errs = append(errs, fmt.Errorf("Classes: pattern %q with class %q: want a pattern as of path.Match, and a class", k.Pattern, k.Class))
		}
	}
	for _, k := range c.Caches {
		errs = append(errs, k.check())
	}
	return errors.Join(errs...)
}

// check returns every complaint about one cache.
func (k Cached) check() error {
	var errs []error
	if build.CheckKey(k.Name) != nil || strings.Contains(k.Name, "/") {
		errs = append(errs, fmt.Errorf("Caches: name %q: want letters, digits, dots, dashes", k.Name))
	}
	if k.Dir == "" || path.Clean(k.Dir) == "." {
		errs = append(errs, fmt.Errorf("Caches: %q has no directory of its own: set Dir", k.Name))
	}
	errs = append(errs, inside("Caches", k.Dir))
	for _, p := range k.Inputs {
		errs = append(errs, inside("Caches", p))
	}
	return errors.Join(errs...)
}

// inside complains of a path that is not below the tree.
func inside(field, p string) error {
	if p == "" || filepath.IsLocal(filepath.FromSlash(p)) {
		return nil
	}
	return fmt.Errorf("%s: %q is not inside the source tree", field, p)
}

// Build restores the caches, runs the commands, saves the caches and names the
// output.
func (b *builder) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	c := b.config
	if err := b.clear(ws); err != nil {
		return build.Output{}, err
	}
	keys, err := b.restore(ctx, ws)
	if err != nil {
		return build.Output{}, err
	}
	for _, run := range c.Run {
		run.Tools = append(c.Tools[:len(c.Tools):len(c.Tools)], run.Tools...)
		if err := ws.Run(ctx, run); err != nil {
			return build.Output{}, err
		}
	}
	for i, k := range c.Caches {
		// A cache that cannot be saved makes the next build slow, not this one wrong.
		if err := ws.Save(ctx, k.Dir, keys[i]); err != nil {
			ws.Logf("warning: %v", err)
		}
	}
	classes, err := b.classify(ws)
	if err != nil {
		return build.Output{}, err
	}
	return build.Output{Dir: c.Output, Omit: c.Omit, Classes: classes, Tools: c.Tools}, nil
}

// clear removes what the source has in the output's place.
func (b *builder) clear(ws *build.Workspace) error {
	if path.Clean("/"+b.config.Output) == "/" {
		return nil
	}
	root, err := os.OpenRoot(ws.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.RemoveAll(filepath.FromSlash(path.Clean(b.config.Output))); err != nil {
		return fmt.Errorf("clear the output directory: %w", err)
	}
	return nil
}

// restore brings the caches and returns their keys.
func (b *builder) restore(ctx context.Context, ws *build.Workspace) ([]string, error) {
	var keys []string
	for _, k := range b.config.Caches {
		inputs, err := build.DigestFiles(ws.Dir, k.Inputs...)
		if err != nil {
			return nil, err
		}
		key := build.CacheKey{Name: k.Name, Toolchain: k.Toolchain, Builder: "command 1", Inputs: inputs}
		keys = append(keys, key.Exact())
		if _, err := ws.Restore(ctx, k.Dir, key.Exact(), key.Family()); err != nil {
			return nil, err
		}
	}
	return keys, nil
}

// classify matches the files of the output with the patterns.
func (b *builder) classify(ws *build.Workspace) (map[string]build.Class, error) {
	if len(b.config.Classes) == 0 {
		return nil, nil
	}
	root, err := os.OpenRoot(ws.Dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	out, err := fs.Sub(root.FS(), path.Join(".", b.config.Output))
	if err != nil {
		return nil, err
	}
	classes := map[string]build.Class{}
	err = fs.WalkDir(out, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(b.config.Omit, p):
			return fs.SkipDir
		case !d.Type().IsRegular() || slices.Contains(b.config.Omit, p):
			return nil
		}
		if c := b.classOf(p); c != build.Other {
			classes[p] = c
		}
		return nil
	})
	return classes, err
}

// classOf returns the class of the first pattern that matches.
func (b *builder) classOf(file string) build.Class {
	for _, k := range b.config.Classes {
		name := file
		if !strings.Contains(k.Pattern, "/") {
			name = path.Base(name)
		}
		if ok, _ := path.Match(k.Pattern, name); ok {
			return k.Class
		}
	}
	return build.Other
}
