package java

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/toolchain"
)

// Builder builds Java applications. It may be used by several goroutines at once.
type Builder struct{ config Config }

var _ build.Recognizer = (*Builder)(nil)

// Directories in the workspace that are the builder's own.
const (
	work     = ".muster-java"
	artifact = work + "/artifact"
)

// project is one build: a tree, and what was chosen for it.
type project struct {
	config  Config
	ws      *build.Workspace
	root    *os.Root // of the workspace: nothing is read or written outside of it
	tool    build.Tool
	java    build.Tool
	wrapper *wrapped        // nil: the tool is the PATH's
	own     map[string]bool // names of jars that the build made
}

// Build implements build.Builder: choose the tools, restore the caches, let Maven
// or Gradle build, save the caches, and lay out the one thing that can be started.
func (b *Builder) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	if err := context.Cause(ctx); err != nil {
		return build.Output{}, err
	}
	root, err := os.OpenRoot(ws.Dir)
	if err != nil {
		return build.Output{}, fmt.Errorf("build java: %w", err)
	}
	defer root.Close()
	p := &project{config: b.config, ws: ws, root: root}
	if err := p.run(ctx, b); err != nil {
		return build.Output{}, fmt.Errorf("build java: %w", err)
	}
	return build.Output{Dir: artifact, Tools: []build.Tool{p.java, p.tool}}, nil
}

// run makes the artifact's directory.
func (p *project) run(ctx context.Context, b *Builder) error {
	tool, err := b.chooseTool(p.ws.Dir)
	if err != nil {
		return err
	}
	if err := errors.Join(p.root.RemoveAll(work), p.root.MkdirAll(work, 0o755)); err != nil {
		return err
	}
	if err := p.choose(ctx, tool); err != nil {
		return err
	}
	p.ws.Announce(p.java, p.tool)
	if p.wrapper != nil && !p.wrapper.verified {
		p.ws.Logf("warning: %s names no distributionSha256Sum: what the wrapper downloads is not verified", p.tool.File)
	}
	caches, err := p.restore(ctx)
	if err != nil {
		return err
	}
	outputs, err := p.assemble(ctx)
	if err != nil {
		return err
	}
	defer p.save(ctx, caches)
	p.own = map[string]bool{}
	for _, o := range outputs {
		p.own[path.Base(o.path)] = true
	}
	chosen, err := p.runnable(outputs)
	if err != nil {
		return err
	}
	return p.layOut(ctx, chosen)
}

// choose finds out which versions of Java and of the build tool the app wants.
func (p *project) choose(ctx context.Context, tool string) error {
	var err, errJava error
	p.java, errJava = toolchain.Java(p.ws.Dir, p.config.Java)
	if p.wrapper, err = readWrapper(p.root, tool); err != nil || errJava != nil {
		return errors.Join(errJava, err)
	}
	switch {
	case p.wrapper == nil && tool == maven:
		p.tool, err = p.askMaven(ctx)
		return err
	case p.wrapper == nil:
		p.tool = build.Tool{Name: gradle, Rule: "on the PATH; the tree has no gradlew"}
	case p.config.Verified && !p.wrapper.verified:
		return fmt.Errorf("%s:%d: there is no distributionSha256Sum for what the wrapper downloads: add one",
			p.wrapper.tool.File, p.wrapper.tool.Line)
	default:
		p.tool = p.wrapper.tool
	}
	return nil
}

// assemble lets the tool build, and lists what it made that may be started.
func (p *project) assemble(ctx context.Context) ([]output, error) {
	if p.tool.Name == gradle {
		return p.assembleGradle(ctx)
	}
	return p.assembleMaven(ctx)
}

// command is one for the build tool, with the arguments for it.
func (p *project) command(args ...string) build.Command {
	c := build.Command{
		Name: programs[p.tool.Name], Env: map[string]string{}, Secrets: p.config.Secrets,
		Network: true, Transient: transient, Tools: []build.Tool{p.java},
	}
	if p.wrapper != nil {
		c.Name = p.wrapper.command[0]
		args = append(p.wrapper.command[1:len(p.wrapper.command):len(p.wrapper.command)], args...)
	} else {
		c.Tools = append(c.Tools, build.Tool{Name: p.tool.Name}) // Any version will do.
	}
	c.Args = args
	return c
}

// programs are what the tools are called on the PATH.
var programs = map[string]string{maven: "mvn", gradle: "gradle"}

// at returns the absolute path of something in the builder's own directory.
func (p *project) at(name string) string { return filepath.Join(p.ws.Dir, work, name) }
