package java

import (
	"slices"
	"strings"
)

// manifest is the main section of a META-INF/MANIFEST.MF, in its order, as the JAR
// File Specification describes it.
type manifest []attribute

// attribute is one of its lines; names are compared without regard to case.
type attribute struct{ name, value string }

// parseManifest reads up to the first empty line. A line that begins with a space
// goes on with the one before it.
func parseManifest(text string) manifest {
	var m manifest
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if rest, ok := strings.CutPrefix(line, " "); ok && len(m) > 0 {
			m[len(m)-1].value += rest
			continue
		}
		if name, value, ok := strings.Cut(line, ":"); ok {
			m = append(m, attribute{name, strings.TrimPrefix(value, " ")})
		}
	}
	return m
}

// get returns the value of a name, or nothing.
func (m manifest) get(name string) string {
	for _, a := range m {
		if strings.EqualFold(a.name, name) {
			return strings.TrimSpace(a.value)
		}
	}
	return ""
}

// without returns m less the attributes for which drop holds.
func (m manifest) without(drop func(name string) bool) manifest {
	return slices.DeleteFunc(slices.Clone(m), func(a attribute) bool { return drop(a.name) })
}

// String returns the text, in lines of at most 72 bytes. Long ones are broken between
// any two bytes: a reader joins them before it decodes.
func (m manifest) String() string {
	var s strings.Builder
	for _, a := range m {
		line := a.name + ": " + a.value
		for room := 72; len(line) > room; room = 71 {
			s.WriteString(line[:room] + "\r\n ")
			line = line[room:]
		}
		s.WriteString(line + "\r\n")
	}
	return s.String() + "\r\n"
}
