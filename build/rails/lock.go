package rails

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"
)

const lockfile = "Gemfile.lock"

// locked is a gem of a lockfile: four blanks, a name and a version. Its own
// dependencies stand deeper.
var locked = regexp.MustCompile(`^    ([A-Za-z0-9._-]+) \(`)

// readLock returns the gems that Gemfile.lock locks, with their lines. A tree without
// one is an error that wraps fs.ErrNotExist.
func readLock(dir string) (map[string]int, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	text, err := root.ReadFile(lockfile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s: run bundle install and commit it: %w", lockfile, err)
	}
	gems := map[string]int{}
	for i, line := range strings.Split(string(text), "\n") {
		if m := locked.FindStringSubmatch(line); m != nil && gems[m[1]] == 0 {
			gems[m[1]] = i + 1
		}
	}
	return gems, err
}

// locks says whether one of the gems is in the bundle.
func (a *app) locks(names ...string) bool {
	for _, name := range names {
		if a.gems[name] > 0 {
			return true
		}
	}
	return false
}
