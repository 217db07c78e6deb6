package house

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	module  = "github.com/muster-deploy/muster"
	testify = "github.com/stretchr/testify"
	sync    = "golang.org/x/sync"
)

// floors says which floors of the house the code on a floor may import, beside its
// own. A floor is a folder of the top level. Tests may import any.
var floors = map[string][]string{
	".":        {},
	"lock":     {},
	"build":    {},
	"target":   {"build"},
	"pipeline": {"lock", "build", "target"},
	"internal": {"lock", "build", "target", "pipeline"},
	"examples": {"lock", "build", "target", "pipeline"},
}

// clients lists what may be imported by the packages that are for one service and
// by nobody else, with all that stands beneath them.
var clients = map[string][]string{
	"lock/s3lock":                     {"github.com/aws"},
	"lock/dynamolock":                 {"github.com/aws"},
	"build/toolchain":                 {"github.com/pelletier/go-toml/v2"},
	"build/node":                      {"go.yaml.in/yaml/v3"},
	"build/s3store":                   {"github.com/aws"},
	"target/ec2target":                {"github.com/aws"},
	"target/heroku":                   {"github.com/hashicorp/go-retryablehttp"},
	"target/s3target":                 {"github.com/aws", "github.com/andybalholm/brotli"},
	"target/host/sshhost":             {"golang.org/x/crypto"},
	"internal/bench":                  {"github.com/aws"},
	"internal/partstest/sshdtest":     {"golang.org/x/crypto"},
	"internal/partstest/s3servertest": {"github.com/aws"},
	"internal/partstest/mototest":     {"github.com/aws"},
	"internal/contentiontest":         {"github.com/anishathalye/porcupine"},
	"examples/intercom":               {"github.com/aws"},
	"examples/ember-s3":               {"github.com/aws"},
	"examples/rails-ec2":              {"github.com/aws"},
	"examples/java-ec2":               {"github.com/aws"},
	"pipeline/source/github":          {"github.com/hashicorp/go-retryablehttp"},
	"pipeline/ci/buildkite":           {"github.com/hashicorp/go-retryablehttp"},
	"pipeline/metrics":                {"go.opentelemetry.io/otel", "github.com/prometheus"},
}

// standIns lists the ...test packages that a program may use, because it runs without
// the real thing on purpose.
var standIns = map[string][]string{
	"examples/intercom": {"build/s3store/s3test"},
}

// references are the implementations that a stranger copies to write his own. They
// use exported API only: nothing internal but what stands beneath themselves.
var references = []string{
	"lock/filelock", "lock/s3lock", "lock/dynamolock",
	"build/command", "build/node", "build/rails", "build/java", "build/ember", "build/container",
	"target/fleet", "target/host", "target/local", "target/ec2target", "target/s3target", "target/heroku",
	"pipeline/source/git", "pipeline/source/github",
}

// Imports returns which imports break the house's rules.
func (t *Tree) Imports() []string {
	var complaints []string
	for _, f := range t.files {
		for _, what := range f.imports {
			if why := f.forbids(what); why != "" {
				complaints = append(complaints, fmt.Sprintf("%s imports %s: %s", f.path, what, why))
			}
		}
	}
	return complaints
}

// forbids returns why the file may not import what, or nothing if it may.
func (f file) forbids(what string) string {
	switch {
	case within(what, module):
		return f.forbidsOwn(strings.TrimPrefix(strings.TrimPrefix(what, module), "/"))
	case within(what, "testing"):
		return f.forbidsTesting()
	case standard(what) || within(what, sync):
		return ""
	case within(what, testify):
		return f.forbidsTestify()
	}
	for dir, allowed := range clients {
		if within(f.dir, dir) && slices.ContainsFunc(allowed, func(a string) bool { return within(what, a) }) {
			return ""
		}
	}
	return "the house is built of the standard library and " + sync
}

// forbidsOwn judges an import of the package in dir of this module.
func (f file) forbidsOwn(dir string) string {
	from, to := floor(f.dir), floor(dir)
	switch {
	case to == "examples" && from != "examples":
		return "nothing imports examples"
	case f.test:
		return ""
	case reference(f.dir) != "" && internal(dir) && !within(dir, reference(f.dir)):
		return "a reference implementation uses exported API only"
	case helper(dir) && !helper(f.dir) && !slices.Contains(standIns[f.dir], dir):
		return "only tests and ...test packages use a ...test package"
	case from != to && !slices.Contains(floors[from], to):
		return fmt.Sprintf("the floor %q may not use the floor %q", from, to)
	}
	return ""
}

// forbidsTesting judges an import of the package testing, or of one beneath it.
func (f file) forbidsTesting() string {
	if f.test || helper(f.dir) {
		return ""
	}
	return "only tests and ...test packages import testing"
}

// forbidsTestify judges an import of testify. In a ...test package it would end up
// in the go.sum of everybody who uses the package.
func (f file) forbidsTestify() string {
	if f.test {
		return ""
	}
	return "only tests import testify"
}

// floor returns the folder of the top level in which dir stands.
func floor(dir string) string {
	first, _, _ := strings.Cut(dir, "/")
	if first == "" {
		return "."
	}
	return first
}

// helper reports whether the package in dir is there for tests: lock/locktest.
func helper(dir string) bool { return strings.HasSuffix(path.Base(dir), "test") }

// internal reports whether the package in dir is hidden from other modules.
func internal(dir string) bool { return slices.Contains(strings.Split(dir, "/"), "internal") }

// reference returns the reference implementation that dir is, or is a part of;
// nothing if it is none.
func reference(dir string) string {
	i := slices.IndexFunc(references, func(r string) bool { return within(dir, r) })
	if i < 0 {
		return ""
	}
	return references[i]
}

// standard reports whether the import path is the standard library's: the first
// element of any other is a host name.
func standard(what string) bool {
	first, _, _ := strings.Cut(what, "/")
	return !strings.Contains(first, ".")
}

// within reports whether a slash-separated path is root or beneath it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
