package node

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// unmet finds in an install's output that a lockfile may be out of step: npm looks for
// what is not locked, and may find that there is no such thing.
var unmet = []string{"npm error code etarget", "npm err! code etarget", "no matching version found for", "npm error code e404", "npm err! code e404"}

// explain says in front of an error what a person can do about it, and where: package
// managers name the lockfile at most.
func (p *Project) explain(dir string, err error) error {
	failed, ok := errors.AsType[*build.CommandError](err)
	if !ok {
		return err
	}
	said := strings.ToLower(failed.Output)
	says := func(piece string) bool { return strings.Contains(said, piece) }
	certain := slices.ContainsFunc(frozen, says)
	if !certain && !slices.ContainsFunc(unmet, says) {
		return err
	}
	lock, manifest := p.differing(dir)
	if !certain && lock == "" {
		return err
	}
	if lock == "" {
		lock, manifest = p.lockfile, "package.json"
	}
	return fmt.Errorf("%s is out of step with %s: run %s install and commit the lockfile: %w", lock, manifest, p.manager.Name, err)
}

// differing names the first place where the lockfile and a package.json differ; nothing
// where none is found.
func (p *Project) differing(dir string) (lock, manifest string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", ""
	}
	defer root.Close()
	text, err := read(root, p.lockfile)
	if err != nil {
		return "", ""
	}
	all := readLocked(p.lockfile, text, p.manifest)
	for _, of := range append([]string{"."}, p.packages()...) {
		l, known := all[of]
		if !known {
			continue
		}
		file := path.Join(of, "package.json")
		text, err := read(root, file)
		if err != nil {
			continue
		}
		if lock, manifest = p.compare(l, file, demands(text)); lock != "" {
			return lock, manifest
		}
	}
	return "", ""
}

// compare holds one package.json against what the lockfile remembers of it.
func (p *Project) compare(l locked, file string, asked []demand) (lock, manifest string) {
	names := map[string]bool{}
	for _, d := range asked {
		names[d.name] = true
		if d.section != "peerDependencies" && !l.holds(d) {
			return p.lockfile, fmt.Sprintf("%s:%d, which asks for %s %q", file, d.line, d.name, d.spec)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(l.lines)) {
		if !names[name] {
			return fmt.Sprintf("%s:%d", p.lockfile, l.lines[name]), fmt.Sprintf("%s, which does not ask for %s", file, name)
		}
	}
	return "", ""
}
