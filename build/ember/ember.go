package ember

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/node"
)

// version is raised when the builder makes something else of the same tree.
const version = "1"

// Config says what is special about an app. The zero value is for an app as
// ember-cli makes it.
type Config struct {
	// Node says how dependencies are installed, and node is chosen.
	Node node.Options
	// Script is the script of package.json that builds; empty means "build".
	Script string
	// Environment is the app's environment; empty means "production".
	Environment string
	// Output is the directory that the build fills; empty means what .ember-cli says,
	// or "dist".
	Output string
	// ServiceWorkers are more paths of service workers, relative to Output.
	ServiceWorkers []string
	// Env is added to the environment of the build. It gets into the artifact as
	// far as the app lets it: it is no place for secrets.
	Env map[string]string
}

// Builder builds Ember apps. It is a build.Recognizer.
type Builder struct{ config Config }

// New returns the builder, or every complaint about c at once.
func New(c Config) (*Builder, error) {
	var errs []error
	for _, p := range append([]string{c.Output}, c.ServiceWorkers...) {
		if p != "" && !filepath.IsLocal(p) {
			errs = append(errs, fmt.Errorf("%q is not a path inside the tree", p))
		}
	}
	if strings.HasPrefix(c.Script, "-") || strings.HasPrefix(c.Environment, "-") {
		errs = append(errs, errors.New("a script or environment that begins with a dash"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("ember builder: %w", err)
	}
	return &Builder{c}, nil
}

// Identity names the builder's version and settings, for WorkshopConfig.Identity.
func (b *Builder) Identity() string {
	c := b.config
	env := make([]string, 0, len(c.Env))
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		env = append(env, name+"="+c.Env[name])
	}
	return fmt.Sprintf("ember-%s %q", version, []any{c.Script, c.Environment, c.Output, c.ServiceWorkers, env, c.Node.Node.Version, c.Node.Network})
}

// markers are the packages by which an Ember app is known.
var markers = []string{"ember-cli", "@embroider/vite", "ember-source"}

// Recognize looks for ember-cli and its successors among the dependencies of
// package.json.
func (b *Builder) Recognize(dir string) (build.Recognition, error) {
	r := build.Recognition{Kind: "ember", Looked: "a package.json that depends on ember-cli, @embroider/vite or ember-source"}
	m, text, err := node.ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	for _, name := range markers {
		if m.Depends(name) {
			r.Found = fmt.Sprintf("package.json:%d depends on %s", node.Line(text, name), name)
			break
		}
	}
	return r, nil
}

// Build implements build.Builder.
func (b *Builder) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	out, err := b.build(ctx, ws)
	if err != nil {
		return build.Output{}, fmt.Errorf("build the Ember app: %w", err)
	}
	return out, nil
}

func (b *Builder) build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	project, err := node.Read(ws.Dir, b.config.Node)
	if err != nil {
		return build.Output{}, err
	}
	ws.Announce(project.Tools()...)
	script, err := b.script(project)
	if err != nil {
		return build.Output{}, err
	}
	dir, err := b.output(ws.Dir, project.Manifest())
	if err != nil {
		return build.Output{}, err
	}
	// What the source has there must not be shipped as if it were built.
	if err := remove(ws.Dir, dir); err != nil {
		return build.Output{}, err
	}
	if err := steadyTemp(ws.Dir, script.Env); err != nil {
		return build.Output{}, err
	}
	installed, err := project.Install(ctx, ws)
	if err != nil {
		return build.Output{}, err
	}
	if err := ws.Run(ctx, script); err != nil {
		return build.Output{}, err
	}
	classes, err := b.classify(ws.Dir, dir, script)
	if err != nil {
		return build.Output{}, err
	}
	if err := installed.Done(ctx, ws); err != nil {
		return build.Output{}, err
	}
	return build.Output{Dir: dir, Classes: classes, Tools: project.Tools()}, nil
}

// script is the command that builds. A classic app is told its environment by
// argument, Vite takes production by itself and other ones as its mode.
func (b *Builder) script(p *node.Project) (build.Command, error) {
	name, environment := b.config.Script, b.config.Environment
	if name == "" {
		name = "build"
	}
	if environment == "" {
		environment = "production"
	}
	var args []string
	said := p.Manifest().Scripts[name]
	switch {
	case strings.Contains(said, "--environment"), strings.Contains(said, "--mode"), strings.Contains(said, "-prod"):
		// The app says it itself.
	case strings.Contains(said, "ember build") || strings.Contains(said, "ember b "):
		args = []string{"--environment=" + environment}
	case strings.Contains(said, "vite build") && environment != "production":
		args = []string{"--mode=" + environment}
	}
	c, err := p.Script(name, args...)
	if err != nil {
		return c, err
	}
	for name, value := range b.config.Env {
		c.Env[name] = value
	}
	c.Env["EMBER_ENV"] = environment
	return c, nil
}

// remove removes a directory of the tree, and never follows a link out of it.
func remove(dir, p string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	return root.RemoveAll(p)
}
