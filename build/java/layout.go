package java

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// layOut makes the artifact's directory of what the build made.
func (p *project) layOut(ctx context.Context, o output) error {
	if err := p.root.MkdirAll(artifact, 0o755); err != nil {
		return err
	}
	start, err := p.layOutProgram(ctx, o)
	if err != nil {
		return err
	}
	for _, name := range p.config.Include {
		if _, err := p.root.Lstat(path.Join(artifact, name)); err == nil {
			return fmt.Errorf("Config.Include: %s is the name of something that the build made", name)
		}
		if err := p.copy(path.Clean(name), path.Join(artifact, name)); err != nil {
			return fmt.Errorf("Config.Include: %w", err)
		}
	}
	return p.writeProcfile(o, start)
}

// layOutProgram brings the program itself, and returns how it is started.
func (p *project) layOutProgram(ctx context.Context, o output) (start, error) {
	if o.installed {
		return p.layOutInstalled(o)
	}
	j, err := openJar(p.root, o.path)
	if err != nil {
		return start{}, err
	}
	defer j.Close()
	b, err := openBoot(j)
	if err != nil {
		return start{}, err
	}
	if b != nil {
		p.ws.Logf("%s is a Spring Boot jar: app.jar and %d libraries", o.path, len(b.libraries))
		return start{file: "app.jar", line: "java -Dserver.port=$PORT -jar app.jar"}, p.takeApart(ctx, b)
	}
	app := "app" + path.Ext(o.path)
	p.ws.Logf("%s is shipped as %s", o.path, app)
	if err := p.write(app, j.normalize); err != nil {
		return start{}, err
	}
	return start{file: app, line: "java -jar " + app}, p.copyClassPath(j)
}

// layOutInstalled takes over what Gradle's application plugin installed.
func (p *project) layOutInstalled(o output) (start, error) {
	scripts, err := fs.Glob(p.root.FS(), o.path+"/bin/*")
	if err != nil {
		return start{}, err
	}
	var script string
	for _, s := range scripts {
		if path.Ext(s) != ".bat" {
			script = path.Join("bin", path.Base(s))
		}
	}
	if script == "" {
		return start{}, fmt.Errorf("%s has no start script in bin/", o.path)
	}
	p.ws.Logf("%s is shipped with its bin/ and lib/", o.path)
	return start{file: script, line: script}, p.copy(o.path, artifact)
}

// copyClassPath brings the libraries that a plain jar names in its manifest, each to
// the same place beside it.
func (p *project) copyClassPath(j *jar) error {
	var missing []string
	for _, entry := range strings.Fields(j.manifest.get("Class-Path")) {
		u, err := url.Parse(entry)
		if err != nil || u.Scheme != "" || path.Ext(u.Path) != ".jar" {
			continue // A directory of settings, say, which the host may bring.
		}
		if !filepath.IsLocal(u.Path) {
			return fmt.Errorf("%s: the Class-Path of its manifest names %s, which is not below it", j.path, entry)
		}
		from := path.Join(path.Dir(j.path), u.Path)
		switch err := p.copyLibrary(from, u.Path); {
		case errors.Is(err, fs.ErrNotExist):
			missing = append(missing, u.Path)
		case err != nil:
			return err
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("%s: the Class-Path of its manifest names %s, not to be found beside it: let the build copy the libraries there, or put them into the jar",
			j.path, strings.Join(missing, ", "))
	}
	return nil
}

// copyLibrary brings one library. One that the build itself made is written anew.
func (p *project) copyLibrary(from, to string) error {
	f, err := p.root.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	return p.putLibrary(to, f)
}

// putLibrary writes a library into the artifact, as it is where others made it.
func (p *project) putLibrary(name string, r io.Reader) error {
	if !p.own[path.Base(name)] {
		return p.write(name, func(w io.Writer) error { _, err := io.Copy(w, r); return err })
	}
	spool := path.Join(work, "library.jar")
	if err := p.root.RemoveAll(spool); err != nil {
		return err
	}
	if err := writeFile(p.root, spool, 0o644, func(w io.Writer) error { _, err := io.Copy(w, r); return err }); err != nil {
		return err
	}
	j, err := openJar(p.root, spool)
	if err != nil {
		return err
	}
	defer j.Close()
	return p.write(name, j.normalize)
}

// write makes a file of the artifact.
func (p *project) write(name string, fill func(io.Writer) error) error {
	return writeFile(p.root, path.Join(artifact, name), 0o644, fill)
}

// writeFile makes a file, which must not be there yet, and its directories.
func writeFile(root *os.Root, name string, mode fs.FileMode, fill func(io.Writer) error) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	return errors.Join(fill(f), f.Close())
}

// copy copies a file or a directory of the workspace, without links.
func (p *project) copy(from, to string) error {
	return fs.WalkDir(p.root.FS(), from, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no regular file", name)
		}
		f, err := p.root.Open(name)
		if err != nil {
			return err
		}
		defer f.Close()
		return writeFile(p.root, path.Join(to, strings.TrimPrefix(name, from)), info.Mode().Perm(), func(w io.Writer) error {
			_, err := io.Copy(w, f)
			return err
		})
	})
}
