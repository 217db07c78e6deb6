package java

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// fixedTime stands for the time of the build. It is the one that Gradle writes into
// archives: zip files know no time before 1980, and no time zones.
const fixedTime = "1980-02-01T00:00:00Z"

// assembleMaven runs Maven and lists the jars and wars that it made.
func (p *project) assembleMaven(ctx context.Context) ([]output, error) {
	dirs, err := modules(p.root)
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs { // What the source has there would be taken for new.
		if err := p.root.RemoveAll(path.Join(dir, "target")); err != nil {
			return nil, err
		}
	}
	if err := p.ws.Run(ctx, p.mavenCommand()); err != nil {
		return nil, err
	}
	var made []output
	for _, dir := range dirs {
		entries, err := fs.ReadDir(p.root.FS(), path.Join(dir, "target"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			if ext := path.Ext(e.Name()); e.Type().IsRegular() && (ext == ".jar" || ext == ".war") {
				made = append(made, output{path: path.Join(dir, "target", e.Name())})
			}
		}
	}
	return made, nil
}

// mavenCommand builds without a question, a progress bar or anything of the
// machine's own but its settings.
func (p *project) mavenCommand() build.Command {
	args := []string{"-B", "-ntp", "-Dstyle.color=never", "-Dmaven.repo.local=" + p.at("repository")}
	if !p.config.Tests {
		args = append(args, "-DskipTests")
	}
	if pom, err := readPom(p.root); err == nil && pom.timestamp == 0 { // Maven complains of a broken one better.
		args = append(args, "-Dproject.build.outputTimestamp="+fixedTime)
	}
	args = append(args, p.config.Args...)
	goals := p.config.Goals
	if len(goals) == 0 {
		goals = []string{"package"}
	}
	c := p.command(append(args, goals...)...)
	c.Env = p.mavenEnv()
	return c
}

// mavenEnv keeps the wrapper's downloads in the workspace, and the machine's mavenrc out of the
// build.
func (p *project) mavenEnv() map[string]string {
	env := map[string]string{"MAVEN_USER_HOME": p.at("home"), "MAVEN_SKIP_RC": "1"}
	maps.Copy(env, p.config.Env)
	return env
}

// said finds the version in what "mvn --version" says.
var said = regexp.MustCompile(`Apache Maven (\S+)`)

// askMaven returns the Maven on the PATH. A wrapper would have said.
func (p *project) askMaven(ctx context.Context) (build.Tool, error) {
	var answer bytes.Buffer
	p.tool.Name = maven
	c := p.command("-B", "-Dstyle.color=never", "--version")
	c.Env, c.Stdout, c.Network = p.mavenEnv(), &answer, false
	// Not in the log, which is to begin with the answer.
	quiet := &build.Workspace{Dir: p.ws.Dir, Runner: p.ws.Runner}
	if err := quiet.Run(ctx, c); err != nil {
		return build.Tool{}, err
	}
	t := build.Tool{Name: maven, Rule: "on the PATH; the tree has no mvnw"}
	if m := said.FindStringSubmatch(answer.String()); m != nil {
		t.Version = strings.TrimSuffix(m[1], ",")
	}
	return t, nil
}
