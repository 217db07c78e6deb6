package java

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// kept is a directory that goes from one build to the next.
type kept struct {
	name   string
	dir    string // in the builder's own
	inputs []string
	// exact refuses what was kept for other inputs.
	exact bool

	key, hit string
}

// restore brings what earlier builds downloaded.
func (p *project) restore(ctx context.Context) ([]*kept, error) {
	caches, err := p.caches()
	if err != nil {
		return nil, err
	}
	for _, k := range caches {
		inputs, err := build.DigestFiles(p.ws.Dir, k.inputs...)
		if err != nil {
			return nil, err
		}
		// What is kept is equal for every version of Java and of the tool.
		key := build.CacheKey{Name: k.name, Builder: version, Inputs: inputs}
		k.key = key.Exact()
		keys := []string{k.key}
		if !k.exact {
			keys = append(keys, key.Family())
		}
		if k.hit, err = p.ws.Restore(ctx, path.Join(work, k.dir), keys...); err != nil {
			return nil, err
		}
	}
	return caches, nil
}

// caches lists what is kept for the project's tool.
func (p *project) caches() ([]*kept, error) {
	properties := wrappers[p.tool.Name].properties
	decides := func(file string) bool { return path.Base(file) == "pom.xml" || strings.HasPrefix(file, ".mvn/") }
	libraries := &kept{name: "maven-repository", dir: "repository"}
	if p.tool.Name == gradle {
		decides = func(file string) bool { return slices.ContainsFunc(gradleInputs, matches(file)) }
		libraries = &kept{name: "gradle-modules", dir: "home/caches/modules-2"}
	}
	var err error
	if libraries.inputs, err = find(p.root, decides); err != nil {
		return nil, err
	}
	if p.wrapper == nil {
		return []*kept{libraries}, nil
	}
	return []*kept{libraries, {name: p.tool.Name + "-wrapper", dir: "home/wrapper", inputs: []string{properties}, exact: true}}, nil
}

// gradleInputs are patterns for the names of files that decide which libraries a
// build asks for.
var gradleInputs = []string{"*.gradle", "*.gradle.kts", "gradle.properties", "*.lockfile", "*.versions.toml", "gradle-wrapper.properties"}

// matches returns whether a pattern is one for the file's name.
func matches(file string) func(pattern string) bool {
	return func(pattern string) bool {
		ok, _ := path.Match(pattern, path.Base(file))
		return ok
	}
}

// save keeps what this build downloaded, and needs no more. A cache that cannot be saved makes the next
// build slow, not this one wrong.
func (p *project) save(ctx context.Context, caches []*kept) {
	for _, k := range caches {
		dir := path.Join(work, k.dir)
		if _, err := p.root.Stat(dir); err != nil || k.hit == k.key {
			continue
		}
		err := scrub(p.root, dir)
		if err == nil {
			err = p.ws.Give(ctx, dir, k.key)
		}
		if err != nil {
			p.ws.Logf("warning: keep %s for the next build: %v", k.name, err)
		}
	}
}

// scrub removes what is of no use to another build: locks, halves of downloads, and
// Maven's notes of what could not be found, which would make a failure stick.
func scrub(root *os.Root, dir string) error {
	return fs.WalkDir(root.FS(), dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		switch path.Ext(p) {
		case ".lastUpdated", ".lock", ".part", ".tmp":
			return root.Remove(p)
		}
		return nil
	})
}
