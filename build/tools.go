package build

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// ToolError says that the machine lacks what the app wants.
type ToolError struct {
	Want Tool
	// Have is the version that is there; empty where there is none.
	Have string
}

// Error says what is wanted, by which file, what is there, and what to do.
func (e *ToolError) Error() string {
	where := ""
	if e.Want.File != "" {
		where = fmt.Sprintf(" (%s)", e.Want.File)
		if e.Want.Line > 0 {
			where = fmt.Sprintf(" (%s:%d)", e.Want.File, e.Want.Line)
		}
	}
	have := e.Have
	if have == "" {
		have = "none"
	}
	return fmt.Sprintf("the app wants %s %s%s, this machine has %s: install it, or build in a container that has it", e.Want.Name, e.Want.Version, where, have)
}

// dotted and plain find the version in what a tool says of itself: rather one with
// a dot than a number by itself. A patch level ("3.1.2p20") is not part of it, that it
// is a pre-release ("3.4.0preview2", "22.0.0-rc.1") is.
var (
	dotted = regexp.MustCompile(`\d+(\.\d+)+([-.]?(preview|rc|alpha|beta|dev|nightly)[0-9.]*)?`)
	plain  = regexp.MustCompile(`\d+`)
)

// checkTools asks every tool for its version, where the command will run and with
// its environment: version managers answer by directory. All complaints at once.
func (l *Local) checkTools(ctx context.Context, at string, c Command) error {
	var errs []error
	for _, want := range c.Tools {
		if want.Version == "" {
			continue
		}
		if want.Version == "latest" {
			errs = append(errs, fmt.Errorf("the app wants the latest %s: name a version", want.Name))
			continue
		}
		have, err := l.known(ctx, at, c, want.Name)
		switch {
		case context.Cause(ctx) != nil:
			return context.Cause(ctx)
		case err != nil:
			errs = append(errs, &ToolError{Want: want})
		case !want.Met(have):
			errs = append(errs, &ToolError{Want: want, Have: have})
		}
	}
	return errors.Join(errs...)
}

// manyVersions is how many answers of tools are remembered. Each build has a directory of
// its own, so old ones are of no use.
const manyVersions = 1000

// known asks one tool, once for a directory and environment: package managers take up
// to a second to say their version, and every command of a build wants to know.
func (l *Local) known(ctx context.Context, at string, c Command, tool string) (string, error) {
	env := make([]string, 0, 32)
	for name, value := range l.environment(Command{Env: c.Env}) {
		env = append(env, name+"="+value)
	}
	slices.Sort(env)
	question := shortDigest(append(env, at, tool)...)
	l.mu.Lock()
	have, ok := l.versions[question]
	l.mu.Unlock()
	if ok {
		return have, nil
	}
	have, err := l.version(ctx, at, c, tool)
	if err != nil {
		return "", err // It may be installed by the next command.
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.versions == nil || len(l.versions) >= manyVersions {
		l.versions = map[string]string{}
	}
	l.versions[question] = have
	return have, nil
}

// version asks one tool.
func (l *Local) version(ctx context.Context, at string, c Command, tool string) (string, error) {
	argv := l.Versions[tool]
	switch {
	case len(argv) > 0:
	case tool == "go":
		argv = []string{"go", "env", "GOVERSION"}
	case tool == "java":
		argv = []string{"java", "-version"} // Java 8 does not know "--version".
	default:
		argv = []string{tool, "--version"}
	}
	var said bytes.Buffer
	ask := Command{Name: argv[0], Args: argv[1:], Env: c.Env, Timeout: time.Minute}
	if err := (&Local{Allow: l.Allow, Env: l.Env, LogLimit: 4 << 10}).run(ctx, at, at, ask, &said); err != nil {
		return "", err
	}
	v := strings.TrimRight(cmp.Or(dotted.FindString(said.String()), plain.FindString(said.String())), ".")
	if v == "" {
		return "", fmt.Errorf("%s names no version", tool)
	}
	return v, nil
}
