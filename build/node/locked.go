package node

import (
	"encoding/json"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// locked is what a lockfile remembers of one package.json: for which demands it was
// made.
type locked struct {
	// specs are what was asked for, by name, where the lockfile notes that.
	specs map[string]string
	// lines are where the names stand in the lockfile, where one that is not asked for
	// any more is a reason to refuse it.
	lines map[string]int
	// keys are names with what was asked for, as Yarn writes them.
	keys map[string]bool
	// overrides are what the app forces on its dependencies: their demands are locked
	// by other words than they are made.
	overrides []string
}

// overridden says whether a dependency is given another version than is asked for, as
// by "name", "**/name", "other>name" or "name@^1".
func (l locked) overridden(name string) bool {
	return slices.ContainsFunc(l.overrides, func(o string) bool {
		return o == name || strings.HasSuffix(o, "/"+name) || strings.HasSuffix(o, ">"+name) || strings.HasPrefix(o, name+"@")
	})
}

// holds says whether the lockfile was made for a demand.
func (l locked) holds(d demand) bool {
	if l.overridden(d.name) {
		return true
	}
	if l.keys != nil {
		// Workspaces and patches lock other words than they are asked for by.
		return l.keys[d.name+"@"+d.spec] || l.keys[d.name+"@npm:"+d.spec] || strings.Contains(d.spec, ":") && !strings.HasPrefix(d.spec, "npm:")
	}
	return l.specs[d.name] == d.spec
}

// readLocked reads a lockfile, by the directories of the package.json that it is for. A
// lockfile that notes no demands, or cannot be read, yields nothing.
func readLocked(file, text string, m Manifest) map[string]locked {
	switch file {
	case "yarn.lock":
		return map[string]locked{".": {keys: yarnKeys(text), overrides: slices.Collect(maps.Keys(m.Resolutions))}}
	case "pnpm-lock.yaml":
		return pnpmLocked(text)
	}
	return npmLocked(text)
}

// npmLocked reads a package-lock.json from npm 7 on.
func npmLocked(text string) map[string]locked {
	var lock struct {
		Packages map[string]Manifest `json:"packages"`
	}
	if json.Unmarshal([]byte(text), &lock) != nil {
		return nil
	}
	all := map[string]locked{}
	for dir, m := range lock.Packages {
		if strings.Contains("/"+dir, "/node_modules/") {
			continue
		}
		specs := map[string]string{}
		for _, section := range []map[string]string{m.Dependencies, m.DevDependencies, m.OptionalDependencies} {
			for name, spec := range section {
				specs[name] = spec
			}
		}
		all[path.Clean(dir)] = locked{specs: specs}
	}
	return all
}

// yarnKeys are the heads of entries of a yarn.lock: "a@^1, b@npm:^2":.
func yarnKeys(text string) map[string]bool {
	keys := map[string]bool{}
	for line := range strings.Lines(text) {
		head, ok := strings.CutSuffix(strings.TrimRight(line, "\r\n"), ":")
		if !ok || strings.HasPrefix(head, " ") || strings.HasPrefix(head, "#") {
			continue
		}
		for _, key := range strings.Split(head, ", ") {
			keys[strings.Trim(key, `"`)] = true
		}
	}
	return keys
}

// member is a line of YAML that maps a word to something.
var member = regexp.MustCompile(`^( *)('[^']*'|"[^"]*"|[^\s'"#][^:]*):(?: (.*))?$`)

// pnpmLocked reads a pnpm-lock.yaml as far as it is maps of maps: demands stand below
// importers and a directory, or at the top where there is but one; before pnpm 8 they
// are a map by themselves, later each one has its specifier.
func pnpmLocked(text string) map[string]locked {
	all := map[string]locked{}
	var at, overrides []string // at: where the line before was
	for i, line := range strings.Split(text, "\n") {
		m := member.FindStringSubmatch(strings.TrimRight(line, "\r"))
		if m == nil {
			continue
		}
		depth := len(m[1]) / 2
		if depth > len(at) {
			continue
		}
		at = append(at[:depth], strings.Trim(m[2], `'"`))
		dir, rest := ".", at
		if at[0] == "importers" && len(at) > 2 {
			dir, rest = path.Clean(at[1]), at[2:]
		}
		spec := strings.Trim(m[3], `'"`)
		switch {
		case len(at) == 2 && at[0] == "overrides":
			overrides = append(overrides, at[1])
		case len(rest) == 2 && rest[0] == "specifiers":
			note(all, dir, rest[1], spec, i+1)
		case len(rest) == 3 && rest[2] == "specifier":
			note(all, dir, rest[1], spec, i)
		}
	}
	for dir, l := range all {
		l.overrides = overrides
		all[dir] = l
	}
	return all
}

// note enters one demand of a directory.
func note(all map[string]locked, dir, name, spec string, line int) {
	l, ok := all[dir]
	if !ok {
		l = locked{specs: map[string]string{}, lines: map[string]int{}}
		all[dir] = l
	}
	l.specs[name], l.lines[name] = spec, line
}
