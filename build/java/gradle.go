package java

import (
	"context"
	_ "embed" // for the init script
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// initScript makes archives equal and asks Gradle itself what it builds: a build
// script is a program, which nobody can read but Gradle.
//
//go:embed init.gradle
var initScript string

// noTests is added to it where tests are off. A task that does not exist cannot be
// excluded by the command line.
const noTests = "\nallprojects { tasks.withType(Test) { enabled = false } }\n"

// assembleGradle runs Gradle and lists what it says it made.
func (p *project) assembleGradle(ctx context.Context) ([]output, error) {
	script := initScript
	if !p.config.Tests {
		script += noTests
	}
	if err := p.root.WriteFile(work+"/init.gradle", []byte(script), 0o644); err != nil {
		return nil, err
	}
	if err := p.ws.Run(ctx, p.gradleCommand()); err != nil {
		return nil, err
	}
	text, err := p.root.ReadFile(work + "/outputs")
	if err != nil {
		return nil, fmt.Errorf("gradle has not said what it made: %w", err)
	}
	return p.readOutputs(string(text))
}

// gradleCommand leaves no daemon behind, also none of Kotlin's compiler.
func (p *project) gradleCommand() build.Command {
	args := []string{
		"--no-daemon", "--console=plain", "--init-script", p.at("init.gradle"),
		"-Dorg.gradle.configuration-cache=false", "-Pkotlin.compiler.execution.strategy=in-process",
	}
	args = append(append(args, p.config.Args...), p.config.Goals...)
	if p.config.Tests && len(p.config.Goals) == 0 {
		args = append(args, "test")
	}
	c := p.command(append(args, "musterOutputs")...)
	c.Env = map[string]string{"GRADLE_USER_HOME": p.at("home")}
	maps.Copy(c.Env, p.config.Env)
	return c
}

// readOutputs reads what the init script wrote.
func (p *project) readOutputs(text string) ([]output, error) {
	var made []output
	for line := range strings.Lines(text) {
		task, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), "\t")
		if task == "version" {
			p.noteGradle(value)
			continue
		}
		rel, err := filepath.Rel(p.ws.Dir, value)
		if err != nil || !filepath.IsLocal(rel) {
			return nil, fmt.Errorf("gradle's task %s makes %s, which is not inside the source tree", task, value)
		}
		o := output{path: filepath.ToSlash(rel), installed: task == "installDist"}
		if _, err := p.root.Stat(o.path); errors.Is(err, fs.ErrNotExist) {
			continue // A task that is disabled makes nothing.
		}
		made = append(made, o)
	}
	return made, nil
}

// noteGradle keeps the version of a Gradle that nobody asked for by version.
func (p *project) noteGradle(version string) {
	if p.tool.Version == "" {
		p.tool.Version = version
		p.ws.Logf("gradle is version %s", version)
	}
}
