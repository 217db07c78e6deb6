package java

import (
	"io"
	"path"
	"strings"
)

// entries lists the files of a jar as they are to be written anew: as they are, but
// for the time of the build, unless they are signed.
func (j *jar) entries() ([]entry, error) {
	signed := j.signed()
	list := make([]entry, 0, len(j.File))
	for _, f := range j.File {
		e := entry{name: f.Name, from: f}
		if stamped(f.Name) && !signed {
			text, err := j.text(f.Name)
			if err != nil {
				return nil, err
			}
			e = entry{name: f.Name, text: withoutComments(text)}
		}
		list = append(list, e)
	}
	return list, nil
}

// normalize writes the jar anew.
func (j *jar) normalize(w io.Writer) error {
	list, err := j.entries()
	if err != nil {
		return err
	}
	return writeJar(w, list)
}

// stamped says whether Maven's older plugins write the time into a comment of the
// file.
func stamped(name string) bool {
	return strings.HasPrefix(name, "META-INF/maven/") && path.Base(name) == "pom.properties"
}

// withoutComments drops the comments of a properties file.
func withoutComments(text string) string {
	var s strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			s.WriteString(line)
		}
	}
	return s.String()
}
