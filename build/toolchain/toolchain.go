package toolchain

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// Options says how versions are chosen. The zero value takes what the tree says.
type Options struct {
	// Version, if it is not empty, is taken whatever the tree says.
	Version string
	// Disagree is told of sources that contradict each other, and the first by
	// precedence wins. Nil: they are an error.
	Disagree func(error)
}

// ConflictError says that no version can be all that a tree asks for.
type ConflictError struct {
	// Tool is the name of the tool.
	Tool string
	// Choices are two or more that contradict each other, the one that comes first by
	// precedence first.
	Choices []build.Tool
}

// Error names the files and lines.
func (e *ConflictError) Error() string {
	said := make([]string, len(e.Choices))
	for i, c := range e.Choices {
		said[i] = fmt.Sprintf("%s wants %s", at(c), c.Version)
	}
	return fmt.Sprintf("the tree asks for different versions of %s: %s; let them agree", e.Tool, strings.Join(said, ", "))
}

// Ruby returns the version of Ruby that the app in dir asks for. A tool without a
// version means that the app does not say.
func Ruby(dir string, o Options) (build.Tool, error) {
	return choose("ruby", dir, o, managed("ruby"), single(".ruby-version", rubyVersion), gemfileRuby, lockedRuby)
}

// Bundler returns the version of Bundler that the app in dir was locked with; the
// tool's name is that of its command, "bundle".
func Bundler(dir string, o Options) (build.Tool, error) {
	return choose("bundle", dir, o, lockedBundler)
}

// Node returns the version of Node.js that the app in dir asks for.
func Node(dir string, o Options) (build.Tool, error) {
	return choose("node", dir, o, managed("node", "nodejs"), single(".nvmrc", nodeVersion), single(".node-version", nodeVersion), packageNode)
}

// Java returns the version of the JDK that the app in dir asks for: the release
// alone, as "17" or "17.0.9", whoever its vendor is.
func Java(dir string, o Options) (build.Tool, error) {
	return choose("java", dir, o, managed("java"), sdkman, single(".java-version", javaVersion), systemProperties, gradleToolchain, pomRelease)
}

// source reads what one place in a tree asks for: nothing, one version, or more.
type source func(t *tree) ([]build.Tool, error)

// choose asks all sources and takes the first version. All complaints at once.
func choose(name, dir string, o Options, sources ...source) (build.Tool, error) {
	t, err := openTree(dir)
	if err != nil {
		return build.Tool{}, fmt.Errorf("find the version of %s: %w", name, err)
	}
	defer t.root.Close()
	var found []build.Tool
	var errs []error
	for _, s := range sources {
		tools, err := s(t)
		errs = append(errs, err)
		found = append(found, tools...)
	}
	if o.Version != "" {
		errs = nil // What the tree says does not matter, readable or not.
		found = slices.Insert(found, 0, build.Tool{Version: o.Version, Rule: "by option"})
	}
	for i := range found {
		found[i].Name = name
		if o.Version != "" && i > 0 {
			continue // It does not matter either.
		}
		if floating(found[i].Version) {
			errs = append(errs, fmt.Errorf("%s asks for %s %s: name a version", at(found[i]), name, found[i].Version))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return build.Tool{}, fmt.Errorf("find the version of %s: %w", name, err)
	}
	if len(found) == 0 {
		return build.Tool{Name: name, Rule: "the app asks for no version"}, nil
	}
	if o.Version == "" {
		if err := agree(name, found); err != nil && o.Disagree == nil {
			return build.Tool{}, err
		} else if err != nil {
			o.Disagree(err)
		}
	}
	return first(found), nil
}

// first returns the tool that wins: minima win over nothing but each other.
func first(found []build.Tool) build.Tool {
	i := max(0, slices.IndexFunc(found, func(c build.Tool) bool { return c.Rule != minimum }))
	chosen := found[i]
	for j, c := range found {
		if j != i {
			chosen.Alternatives = append(chosen.Alternatives, fmt.Sprintf("%s (%s)", c.Version, at(c)))
		}
	}
	if len(found) > 1 && chosen.Rule == "" {
		chosen.Rule = "first by precedence"
	}
	return chosen
}

// minimum is the rule of a version that the others have to meet.
const minimum = "a minimum"

// agree returns a *ConflictError with the first choice that others contradict, and
// those. Any two have to agree: one that is short may agree with both of two that
// differ.
func agree(name string, found []build.Tool) error {
	for i, a := range found {
		e := &ConflictError{Tool: name, Choices: []build.Tool{a}}
		for _, c := range found[i+1:] {
			if !compatible(a.Version, c.Version) {
				e.Choices = append(e.Choices, c)
			}
		}
		if len(e.Choices) > 1 {
			return e
		}
	}
	return nil
}

// at says where a choice was found.
func at(c build.Tool) string {
	if c.Line > 0 {
		return fmt.Sprintf("%s:%d", c.File, c.Line)
	}
	return cmp.Or(c.File, "the option")
}

// floating says whether a version means something else tomorrow.
func floating(v string) bool {
	v = strings.ToLower(v)
	return slices.Contains([]string{"latest", "stable", "node", "current", "system", "*", "lts", "x"}, v) ||
		strings.HasPrefix(v, "lts/") || strings.HasPrefix(v, "lts-") || strings.HasPrefix(v, "latest:")
}
