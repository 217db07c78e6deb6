package toolchain

import (
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// lockedRuby reads RUBY VERSION of a Gemfile.lock, as "ruby 3.2.2p53".
func lockedRuby(t *tree) ([]build.Tool, error) {
	return section(t, "RUBY VERSION", rubyVersion)
}

// lockedBundler reads BUNDLED WITH of a Gemfile.lock.
func lockedBundler(t *tree) ([]build.Tool, error) {
	return section(t, "BUNDLED WITH", func(s string) (string, error) {
		if !plain.MatchString(s) {
			return "", fmt.Errorf("%q is no version of Bundler", s)
		}
		return s, nil
	})
}

// section reads the one version below a heading of Gemfile.lock.
func section(t *tree, heading string, version func(string) (string, error)) ([]build.Tool, error) {
	const file = "Gemfile.lock"
	text, _, err := t.read(file)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if line != heading {
			continue
		}
		if i+1 == len(lines) || strings.TrimSpace(lines[i+1]) == "" {
			return nil, fmt.Errorf("%s:%d: %s names no version", file, i+1, heading)
		}
		v, err := version(strings.TrimSpace(lines[i+1]))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+2, err)
		}
		return []build.Tool{{Version: v, File: file, Line: i + 2}}, nil
	}
	return nil, nil
}
