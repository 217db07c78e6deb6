package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// version is raised when the cache is used in another way.
const version = "1"

// modules is the directory that is cached.
const modules = "node_modules"

// Installed is a node_modules that is in place.
type Installed struct {
	project *Project
	key     string // under which it can be cached; empty where it cannot be
	hit     bool
}

// Install puts the dependencies in place, frozen to the lockfile, or takes them from
// the cache. It is to be called once, before any script is run.
func (p *Project) Install(ctx context.Context, ws *build.Workspace) (*Installed, error) {
	in := &Installed{project: p}
	if err := refuseCommitted(ws.Dir); err != nil {
		return nil, err
	}
	key, err := p.key(ctx, ws)
	if err != nil {
		return nil, fmt.Errorf("install JavaScript dependencies: %w", err)
	}
	in.key = key.Exact()
	switch {
	case p.hooked != "":
		ws.Logf("dependencies are installed anew: %s", p.hooked)
	default:
		if in.hit, err = p.restore(ctx, ws, in.key); err != nil {
			return nil, fmt.Errorf("install JavaScript dependencies: %w", err)
		}
		if in.hit {
			ws.Logf("dependencies are unchanged: %s is not run", p.install())
			return in, nil
		}
	}
	if err := p.explain(ws.Dir, ws.Run(ctx, p.install())); err != nil {
		return nil, fmt.Errorf("install JavaScript dependencies: %w", err)
	}
	return in, nil
}

// refuseCommitted says that a node_modules is in the way. A frozen install would
// replace it, or mix with it.
func refuseCommitted(dir string) error {
	if entries, err := os.ReadDir(filepath.Join(dir, modules)); err == nil && len(entries) > 0 {
		return errors.New("install JavaScript dependencies: node_modules is part of the source tree: remove it there, what is installed comes from the lockfile")
	}
	return nil
}

// key is that of the node_modules which an install of now would make. It asks node
// for its version, because what the app asks for may be a range.
func (p *Project) key(ctx context.Context, ws *build.Workspace) (build.CacheKey, error) {
	inputs, err := build.DigestFiles(ws.Dir, p.inputs...)
	if err != nil {
		return build.CacheKey{}, err
	}
	var said bytes.Buffer
	ask := build.Command{Name: "node", Tools: []build.Tool{p.node}, Env: p.environment(), Stdout: &said, Args: []string{"-p",
		"process.report.excludeNetwork = true; [process.version, process.platform, process.arch, process.report.getReport().header.glibcVersionRuntime || 'other'].join(' ')"}}
	if err := ws.Run(ctx, ask); err != nil {
		return build.CacheKey{}, err
	}
	words := strings.Fields(said.String())
	if len(words) != 4 {
		return build.CacheKey{}, fmt.Errorf("node says %.80q of itself: want its version, system, processor and C library", said.String())
	}
	manager, err := p.managerVersion(ctx, ws)
	return build.CacheKey{
		Name: "node_modules", OS: words[1], Arch: words[2], Libc: words[3],
		Toolchain: "node " + words[0] + " " + p.manager.Name + " " + manager,
		Builder:   version, Inputs: inputs,
	}, err
}

// managerVersion is that of the package manager. Where the app does not pin it, it is
// asked: another one may lay node_modules out in another way.
func (p *Project) managerVersion(ctx context.Context, ws *build.Workspace) (string, error) {
	if p.manager.Version != "" {
		return p.manager.Version, nil
	}
	var said bytes.Buffer
	ask := build.Command{Name: p.manager.Name, Args: []string{"--version"}, Tools: []build.Tool{p.node}, Env: p.environment(), Stdout: &said}
	if err := ws.Run(ctx, ask); err != nil {
		return "", err
	}
	return strings.TrimSpace(said.String()), nil
}

// Script returns the command that runs a script of package.json, with arguments of
// one's own after those that it has.
func (p *Project) Script(name string, args ...string) (build.Command, error) {
	if p.manifest.Scripts[name] == "" {
		return build.Command{}, fmt.Errorf("package.json has no script %q", name)
	}
	c := build.Command{
		Name: p.manager.Name, Args: []string{"run", name}, Tools: p.Tools(), Env: p.environment(), Network: p.options.Network,
	}
	if len(args) > 0 && p.manager.Name == "npm" {
		c.Args = append(c.Args, "--")
	}
	c.Args = append(c.Args, args...)
	return c, nil
}
