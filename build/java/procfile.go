package java

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
)

// start is how the program of an artifact is started.
type start struct {
	file string // in the artifact
	line string
}

// writeProcfile writes how the app is started: as its own Procfile says, or as there
// is only one way to do.
func (p *project) writeProcfile(o output, s start) error {
	if _, err := p.root.Stat(path.Join(artifact, "Procfile")); err == nil {
		return nil // From Config.Include, as it is.
	}
	text, err := p.root.ReadFile("Procfile")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		text = fmt.Appendf(nil, "web: %s\n", s.line)
	case err != nil:
		return err
	default:
		text = []byte(p.translate(string(text), o, s))
	}
	return p.write("Procfile", func(w io.Writer) error { _, err := w.Write(text); return err })
}

// translate names the program in an app's Procfile by its place in the artifact. An
// app that other platforms run in its source tree names it where the build makes it:
// "java -jar target/*.jar".
func (p *project) translate(text string, o output, s start) string {
	for n, line := range strings.Split(text, "\n") {
		for _, word := range strings.Fields(line) {
			name := path.Clean(strings.Trim(word, `"'`))
			made := o.path
			if o.installed {
				made = path.Join(o.path, s.file)
			}
			if ok, _ := path.Match(name, made); ok {
				text = strings.ReplaceAll(text, word, s.file)
				p.ws.Logf("Procfile:%d: %s is %s in the artifact", n+1, word, s.file)
			}
		}
	}
	return text
}
