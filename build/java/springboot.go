package java

import (
	"archive/zip"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/url"
	"path"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// boot is a Spring Boot jar that is taken apart.
type boot struct {
	*jar
	classes, lib, index string   // places in the jar
	libraries           []string // names in the jar, in the order of the class path
}

// openBoot reads where things are in a Spring Boot jar, or returns nil where j is
// none, or one that has to stay whole.
func openBoot(j *jar) (*boot, error) {
	m := j.manifest
	if m.get("Start-Class") == "" || path.Ext(j.path) != ".jar" || strings.HasSuffix(m.get("Main-Class"), ".PropertiesLauncher") {
		return nil, nil
	}
	b := &boot{
		jar:     j,
		classes: cmp.Or(m.get("Spring-Boot-Classes"), "BOOT-INF/classes/"),
		lib:     cmp.Or(m.get("Spring-Boot-Lib"), "BOOT-INF/lib/"),
		index:   cmp.Or(m.get("Spring-Boot-Classpath-Index"), "BOOT-INF/classpath.idx"),
	}
	if !strings.HasSuffix(b.classes, "/") || !strings.HasSuffix(b.lib, "/") {
		return nil, fmt.Errorf("%s: its manifest names %q and %q for classes and libraries, which are no directories", j.path, b.classes, b.lib)
	}
	return b, b.readIndex()
}

// readIndex finds the libraries: those of classpath.idx in its order, or, before
// Spring Boot 2.3, all in the order of the jar.
func (b *boot) readIndex() error {
	if b.byName[b.index] == nil {
		for _, f := range b.File {
			if strings.HasPrefix(f.Name, b.lib) && !strings.HasSuffix(f.Name, "/") {
				b.libraries = append(b.libraries, f.Name)
			}
		}
		return nil
	}
	text, err := b.text(b.index)
	if err != nil {
		return err
	}
	b.libraries, err = parseIndex(text)
	if err != nil {
		return fmt.Errorf("%s in %s: %w", b.index, b.path, err)
	}
	known := map[string]bool{}
	for _, name := range b.libraries {
		if b.byName[name] == nil || !strings.HasPrefix(name, b.lib) || known[name] {
			return fmt.Errorf("%s in %s: it names %q, which is not in %s, or twice", b.index, b.path, name, b.lib)
		}
		known[name] = true
	}
	return nil
}

// parseIndex reads a classpath.idx: lines `- "BOOT-INF/lib/x.jar"`, a form of YAML.
func parseIndex(text string) ([]string, error) {
	var names []string
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		rest, ok := strings.CutPrefix(line, `- "`)
		name, end := strings.CutSuffix(rest, `"`)
		if !ok || !end || name == "" || strings.Contains(name, `"`) {
			return nil, fmt.Errorf("line %d: want - \"path\", have %.80q", n, line)
		}
		names = append(names, name)
	}
	return names, nil
}

// place returns where a library stands in the artifact.
func (b *boot) place(library string) string { return "lib/" + strings.TrimPrefix(library, b.lib) }

// application lists the files of app.jar: the app's classes, and what the jar says
// of itself. The launcher, and the services that it registers, stay behind.
func (b *boot) application() ([]entry, error) {
	all, err := b.entries()
	if err != nil {
		return nil, err
	}
	list := []entry{{name: manifestName, text: b.launcherManifest().String()}}
	known := map[string]bool{manifestName: true}
	for _, own := range []bool{true, false} { // The app's classes win over what is around them.
		for _, e := range all {
			name, inside := strings.CutPrefix(e.name, b.classes)
			if inside != own || name == "" || known[name] || !inside && !aboutJar(name) {
				continue
			}
			known[name], e.name = true, name
			list = append(list, e)
		}
	}
	return list, nil
}

// aboutJar says whether a file beside the classes is of use without the launcher. A
// signature does not hold any more.
func aboutJar(name string) bool {
	return strings.HasPrefix(name, "META-INF/") && !strings.HasPrefix(name, "META-INF/services/") &&
		name != "META-INF/INDEX.LIST" && !signature(name)
}

// launcherManifest starts the app without the launcher.
func (b *boot) launcherManifest() manifest {
	m := b.manifest.without(func(name string) bool {
		lower := strings.ToLower(name)
		return lower == "main-class" || lower == "start-class" || lower == "class-path" || strings.HasPrefix(lower, "spring-boot-")
	})
	m = append(m, attribute{"Main-Class", b.manifest.get("Start-Class")})
	var places []string
	for _, l := range b.libraries {
		places = append(places, (&url.URL{Path: b.place(l)}).EscapedPath())
	}
	if len(places) > 0 {
		m = append(m, attribute{"Class-Path", strings.Join(places, " ")})
	}
	return m
}

// takeApart writes the libraries and app.jar into the artifact.
func (p *project) takeApart(ctx context.Context, b *boot) error {
	left := p.config.MaxBytes
	for _, name := range b.libraries {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		f := b.byName[name]
		if left -= int64(min(f.UncompressedSize64, 1<<62)); left < 0 {
			return &build.LimitError{What: b.path, Unit: "bytes", Limit: p.config.MaxBytes}
		}
		if err := p.takeOut(f, b.place(name)); err != nil {
			return fmt.Errorf("take %s out of %s: %w", name, b.path, err)
		}
	}
	list, err := b.application()
	if err != nil {
		return err
	}
	return p.write("app.jar", func(w io.Writer) error { return writeJar(w, list) })
}

// takeOut writes one library. The reader yields no more than the size that the jar
// declares.
func (p *project) takeOut(f *zip.File, name string) error {
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return p.putLibrary(name, r)
}
