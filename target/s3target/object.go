package s3target

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// The names below the prefix that no site may use.
const (
	currentName = "current.json"
	folder      = "releases/"
	filesFolder = folder + "files/"
)

// object is a file as it is published: itself, or a variant of it.
type object struct {
	file    build.File
	name    string   // below the prefix
	variant Encoding // empty: the file itself
	Headers
}

// hashed reports whether the object stands under its public name alone, for good.
func (o object) hashed() bool { return o.file.Class == build.Hashed }

// source is where the content is kept: hashed assets under their natural names,
// everything else by digest, so that releases share what did not change.
func (o object) source() string {
	if o.hashed() {
		return o.name
	}
	return filesFolder + o.file.SHA256 + o.variant.suffix()
}

// identity is equal for objects of which one upload is enough.
func (o object) identity() string { return o.source() + "\n" + o.file.SHA256 }

// rank orders the projection: what pages refer to comes before them, the service
// worker, which fetches pages, before the entries.
func (o object) rank() int {
	switch o.file.Class {
	case build.Entry:
		return 2
	case build.ServiceWorker:
		return 1
	}
	return 0
}

// publish returns what files are as objects: all complaints at once, if they cannot be.
func (c *Config) publish(files []build.File) ([]object, error) {
	var all []object
	var complaints []error
	entry, taken := false, map[string]bool{}
	for _, f := range files {
		taken[f.Path] = true
	}
	for _, f := range files {
		if c.hidden(f.Path) {
			continue
		}
		if err := c.publishable(f); err != nil {
			complaints = append(complaints, err)
			continue
		}
		entry = entry || f.Path == c.Entry && f.Class == build.Entry
		o := object{file: f, name: f.Path, Headers: c.headers(f)}
		all = append(all, o)
		for _, v := range c.variants(o) {
			if !taken[v.name] { // The builder has made one.
				all = append(all, v)
			}
		}
	}
	if !entry {
		complaints = append(complaints, fmt.Errorf("the site has no %s of the class %q: it has to be built before, or Entry names another page", c.Entry, build.Entry))
	}
	return all, errors.Join(complaints...)
}

// publishable says why a file may not be an object.
func (c *Config) publishable(f build.File) error {
	switch {
	case f.Link != "":
		return fmt.Errorf("%s is a symbolic link, and a bucket has none: copy what it points to", f.Path)
	case f.Path == currentName || strings.HasPrefix(f.Path, folder):
		return fmt.Errorf("%s: %s and %s are where releases are kept: rename it, or give the site a folder of its own", f.Path, currentName, folder)
	case len(c.Prefix)+len(f.Path) > 1000:
		return fmt.Errorf("%.60s...: its key is longer than 1000 bytes", f.Path)
	}
	return nil
}

// hidden reports whether a file is not for the public.
func (c *Config) hidden(p string) bool {
	if !c.SourceMaps && path.Ext(p) == ".map" {
		return true
	}
	return !c.Dotfiles && slices.ContainsFunc(strings.Split(p, "/"), func(part string) bool {
		return part[0] == '.' && part != ".well-known"
	})
}

// variants returns those of one file.
func (c *Config) variants(o object) []object {
	if o.ContentEncoding != "" || !text(o.ContentType) || o.file.Size < minVariant || o.file.Size > maxVariant {
		return nil
	}
	var all []object
	for _, e := range c.Variants {
		v := o
		v.variant, v.name, v.ContentEncoding = e, o.name+e.suffix(), string(e)
		all = append(all, v)
	}
	return all
}
