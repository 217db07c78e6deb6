package rails

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// outOfStep finds in Bundler's output that the lockfile does not fit the Gemfile.
var outOfStep = []string{
	"in deployment mode after changing", "the dependencies in your gemfile changed", "your lockfile is missing",
	"the gemfile.lock", "because frozen mode is set", "the list of sources changed", "your bundle only supports platforms",
}

// explain says in front of an error what a person can do about it, and where.
func (a *app) explain(err error) error {
	failed, ok := errors.AsType[*build.CommandError](err)
	if !ok {
		return err
	}
	said := strings.ToLower(failed.Output)
	if !slices.ContainsFunc(outOfStep, func(piece string) bool { return strings.Contains(said, piece) }) {
		return err
	}
	lock, gemfile := lockfile, "Gemfile"
	if line, gem := a.added(failed.Output); line > 0 {
		gemfile = fmt.Sprintf("Gemfile:%d, which asks for %s", line, gem)
	} else if line, gem := a.deleted(failed.Output); line > 0 {
		lock, gemfile = fmt.Sprintf("%s:%d", lockfile, line), "Gemfile, which does not ask for "+gem
	} else if line := a.platforms(said); line > 0 {
		lock = fmt.Sprintf("%s:%d", lockfile, line)
	}
	return fmt.Errorf("%s is out of step with %s, or not for this platform: run bundle install and commit it: %w", lock, gemfile, err)
}

// What Bundler lists: "* puma (~> 99)" below a heading, up to an empty line.
var (
	additions = regexp.MustCompile(`(?m)^You have (?:added to|changed in) the Gemfile:\n((?:\* .*\n?)+)`)
	deletions = regexp.MustCompile(`(?m)^You have deleted from the Gemfile:\n((?:\* .*\n?)+)`)
	listed    = regexp.MustCompile(`(?m)^\* ([A-Za-z0-9._-]+)(?: |$)`)
)

// gems returns the names of a list in Bundler's output.
func gems(list *regexp.Regexp, said string) (names []string) {
	for _, found := range list.FindAllStringSubmatch(said, -1) {
		for _, gem := range listed.FindAllStringSubmatch(found[1], -1) {
			names = append(names, gem[1])
		}
	}
	return names
}

// added returns the line of the Gemfile that asks for something else than is locked.
func (a *app) added(said string) (line int, gem string) {
	for _, gem := range gems(additions, said) {
		statement := regexp.MustCompile(`^[ \t]*gem[ \t(]+["']` + regexp.QuoteMeta(gem) + `["']`)
		if line := a.line("Gemfile", statement.MatchString); line > 0 {
			return line, gem
		}
	}
	return 0, ""
}

// deleted returns the line of the lockfile that names what nobody asks for.
func (a *app) deleted(said string) (line int, gem string) {
	for _, gem := range gems(deletions, said) {
		// Among DEPENDENCIES a name stands behind two blanks, and elsewhere behind more.
		dependency := regexp.MustCompile(`^  ` + regexp.QuoteMeta(gem) + `(?:!| \(|$)`)
		if line := a.line(lockfile, dependency.MatchString); line > 0 {
			return line, gem
		}
	}
	return 0, ""
}

// platforms returns the line where the lockfile names the platforms that it is for, if
// it is about them.
func (a *app) platforms(said string) int {
	if !strings.Contains(said, "your bundle only supports platforms") {
		return 0
	}
	return a.line(lockfile, func(line string) bool { return line == "PLATFORMS" })
}

// line returns the first line of a file for which a function says yes; zero if there is
// none.
func (a *app) line(name string, is func(line string) bool) int {
	root, err := os.OpenRoot(a.ws.Dir)
	if err != nil {
		return 0
	}
	defer root.Close()
	text, err := root.ReadFile(name)
	if err != nil {
		return 0
	}
	for i, line := range strings.Split(string(text), "\n") {
		if is(strings.TrimRight(line, "\r")) {
			return i + 1
		}
	}
	return 0
}
