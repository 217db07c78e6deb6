package rails

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/node"
	"github.com/muster-deploy/muster/build/toolchain"
)

// version is raised when the builder makes something else of the same tree.
const version = "1"

// Assets says when assets:precompile is run.
type Assets string

const (
	// Auto runs it where a gem of the bundle brings it.
	Auto Assets = ""
	// Always runs it whatever the bundle says.
	Always Assets = "always"
	// Never leaves assets alone.
	Never Assets = "never"
)

// Config says what is special about an app. The zero value is for an app as "rails
// new" makes it.
type Config struct {
	// Ruby and Bundler say how their versions are chosen.
	Ruby, Bundler toolchain.Options
	// Node is for apps with a package.json.
	Node node.Options
	// Without are the groups of gems that are left out; nil means development and
	// test.
	Without []string
	// Secrets are in the environment of bundle install alone, as
	// BUNDLE_GEMS__EXAMPLE__COM for a private source of gems.
	Secrets map[string]string
	// Env is added to the environment of assets:precompile. It is no place for secrets:
	// what an app reads there can end up in its assets.
	Env map[string]string
	// Assets says when assets:precompile is run.
	Assets Assets
	// AssetBlind are more directories that assets do not read, as "app/services".
	AssetBlind []string
	// Omit are more files and directories that are left out of the artifact.
	Omit []string
}

// Builder builds Rails apps. It is a build.Recognizer.
type Builder struct{ config Config }

// New returns the builder, or every complaint about c at once.
func New(c Config) (*Builder, error) {
	var errs []error
	for _, p := range slices.Concat(c.AssetBlind, c.Omit) {
		if !filepath.IsLocal(p) {
			errs = append(errs, fmt.Errorf("%q is not a path inside the tree", p))
		}
	}
	if !slices.Contains([]Assets{Auto, Always, Never}, c.Assets) {
		errs = append(errs, fmt.Errorf("assets %q: want Auto, Always or Never", c.Assets))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("rails builder: %w", err)
	}
	if c.Without == nil {
		c.Without = []string{"development", "test"}
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
	return fmt.Sprintf("rails-%s %q", version, []any{c.Ruby.Version, c.Bundler.Version, c.Node.Node.Version, c.Without, env, c.Assets, c.AssetBlind, c.Omit})
}

// Recognize looks for rails among the locked gems.
func (b *Builder) Recognize(dir string) (build.Recognition, error) {
	r := build.Recognition{Kind: "rails", Looked: "a Gemfile.lock that locks rails or railties"}
	gems, err := readLock(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	for _, name := range []string{"rails", "railties"} {
		if line := gems[name]; line > 0 && r.Found == "" {
			r.Found = fmt.Sprintf("%s:%d locks %s", lockfile, line, name)
		}
	}
	return r, err
}

// Build implements build.Builder.
func (b *Builder) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	out, err := b.build(ctx, ws)
	if err != nil {
		return build.Output{}, fmt.Errorf("build the Rails app: %w", err)
	}
	return out, nil
}

// app is one build under way.
type app struct {
	*Builder
	ws      *build.Workspace
	gems    map[string]int // locked, with their lines in Gemfile.lock
	ruby    build.Tool
	project *node.Project // nil without JavaScript dependencies
	tools   []build.Tool
	machine interpreter
	placed  string // the key of gems that are in the artifact and not in the tree
}

func (b *Builder) build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	a := &app{Builder: b, ws: ws}
	if err := a.read(); err != nil {
		return build.Output{}, err
	}
	ws.Announce(a.tools...)
	for _, step := range []func(context.Context) error{a.ask, a.bundle, a.assets, a.redeem} {
		if err := step(ctx); err != nil {
			return build.Output{}, err
		}
	}
	if err := a.furnish(); err != nil {
		return build.Output{}, err
	}
	return build.Output{Omit: a.omitted(), Tools: a.tools}, nil
}

// read finds out what the app asks for, with every complaint at once.
func (a *app) read() error {
	var errs [4]error
	var bundler build.Tool
	a.gems, errs[0] = readLock(a.ws.Dir)
	a.ruby, errs[1] = toolchain.Ruby(a.ws.Dir, a.config.Ruby)
	bundler, errs[2] = toolchain.Bundler(a.ws.Dir, a.config.Bundler)
	a.tools = []build.Tool{a.ruby, bundler}
	a.project, errs[3] = javascript(a.ws.Dir, a.config.Node)
	if a.project != nil {
		a.tools = append(a.tools, a.project.Tools()...)
	}
	return errors.Join(errs[:]...)
}

// javascript returns the app's JavaScript project, or nil where it needs nothing
// installed.
func javascript(dir string, o node.Options) (*node.Project, error) {
	m, _, err := node.ReadManifest(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil && len(m.Dependencies)+len(m.DevDependencies)+len(m.OptionalDependencies) == 0 {
		return nil, nil
	}
	return node.Read(dir, o)
}
