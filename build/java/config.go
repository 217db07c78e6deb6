package java

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"path/filepath"
	"slices"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/toolchain"
)

// version is the builder's own: it is raised when it builds or caches differently.
const version = "java 1"

// Config says how to build. The zero value suits an app that has one thing to start.
type Config struct {
	// Tool is "maven" or "gradle", for a tree that has both.
	Tool string

	// Java says how the version of Java is found.
	Java toolchain.Options

	// Goals are what Maven or Gradle is asked for. Empty means "package" for Maven, and
	// for Gradle what each project is started with: bootJar, shadowJar, installDist or
	// jar, the first of these that it has. Gradle makes those in any case.
	Goals []string

	// Args are added to the command line, as "-Pproduction". They are no place for
	// secrets.
	Args []string

	// Tests lets the app's tests run. They do not by default: that is for CI.
	Tests bool

	// Jar is a pattern, as of path.Match, for the path of what is shipped, relative to
	// the tree: "service/target/*.jar". It may name a directory that Gradle's
	// application plugin installs into. Empty means the one that can be started.
	Jar string

	// Include lists files and directories of the source tree that are shipped beside
	// the jar, at the same path: "config".
	Include []string

	// Verified refuses a wrapper that names no checksum of what it downloads. By
	// default this is a warning in the log.
	Verified bool

	// Env is added to the environment of Maven and Gradle.
	Env map[string]string

	// Secrets are added to it too, and kept out of log and artifact. A settings.xml
	// in the tree (Args: "-s", "settings.xml") refers to one as ${env.NAME}; Gradle
	// takes ORG_GRADLE_PROJECT_name for a property.
	Secrets map[string]string

	// MaxBytes bounds what a Spring Boot jar is taken apart into; zero means 4 GiB.
	MaxBytes int64
}

// New returns the builder, or every complaint about c at once.
func New(c Config) (*Builder, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("java builder: %w", err)
	}
	c.MaxBytes = cmp.Or(c.MaxBytes, 4<<30)
	return &Builder{c}, nil
}

// check returns every complaint about c.
func (c Config) check() error {
	var errs []error
	if c.Tool != "" && c.Tool != maven && c.Tool != gradle {
		errs = append(errs, fmt.Errorf("Tool %q: want %q or %q", c.Tool, maven, gradle))
	}
	if _, err := path.Match(c.Jar, ""); err != nil {
		errs = append(errs, fmt.Errorf("Jar %q: want a pattern as of path.Match", c.Jar))
	}
	for _, p := range append([]string{c.Jar}, c.Include...) {
		if p != "" && !filepath.IsLocal(filepath.FromSlash(p)) {
			errs = append(errs, fmt.Errorf("%q is not inside the source tree", p))
		}
	}
	for _, p := range c.Include {
		if path.Clean(p) == "." {
			errs = append(errs, fmt.Errorf("Include %q: name files and directories, not the whole tree", p))
		}
	}
	if c.MaxBytes < 0 {
		errs = append(errs, errors.New("MaxBytes is below zero"))
	}
	// The names stand for the command, which refuses a secret among the arguments.
	tried := build.Command{Name: "maven", Args: append(slices.Clone(c.Goals), c.Args...), Env: c.Env, Secrets: c.Secrets}
	return errors.Join(append(errs, tried.Check())...)
}

// Identity names the builder, its version and its settings, for a
// build.WorkshopConfig. Of secrets only the names count.
func (b *Builder) Identity() string {
	c := b.config
	text, err := json.Marshal([]any{
		version, c.Tool, c.Java.Version, c.Java.Disagree != nil, c.Goals, c.Args, c.Tests, c.Jar, c.Include,
		c.Verified, c.Env, slices.Sorted(maps.Keys(c.Secrets)), c.MaxBytes,
	})
	if err != nil {
		panic(err) // Strings, numbers and maps of strings always have a JSON form.
	}
	sum := sha256.Sum256(text)
	return version + " " + hex.EncodeToString(sum[:8])
}
