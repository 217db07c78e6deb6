package java

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// wrapper is a script in the tree that brings the version of a build tool which the
// tree was written for.
type wrapper struct {
	script     string
	properties string
	jar        string         // what the script cannot do without; "": nothing
	version    *regexp.Regexp // finds the version in the distribution's address
}

// wrappers are those of the two tools, as their own documentation describes them.
var wrappers = map[string]wrapper{
	maven: {
		script: "mvnw", properties: ".mvn/wrapper/maven-wrapper.properties",
		version: regexp.MustCompile(`/(?:apache-maven|maven-mvnd)-([^/]+?)(?:-bin|-src|-[a-z]+-amd64)?\.(?:zip|tar\.gz)$`),
	},
	gradle: {
		script: "gradlew", properties: "gradle/wrapper/gradle-wrapper.properties", jar: "gradle/wrapper/gradle-wrapper.jar",
		version: regexp.MustCompile(`/gradle-([^/]+?)(?:-bin|-all)?\.zip$`),
	},
}

// moving matches versions that stand for another one tomorrow.
var moving = regexp.MustCompile(`(?i)latest|release|snapshot|nightly|\+$|^\$`)

// wrapped is what a tree's wrapper says.
type wrapped struct {
	command  []string // how to start it
	tool     build.Tool
	verified bool // what it downloads has a checksum
}

// readWrapper returns what the tree's wrapper for a tool says, or nil where it has
// none.
func readWrapper(root *os.Root, tool string) (*wrapped, error) {
	w := wrappers[tool]
	script, err := root.Stat(w.script)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	found := &wrapped{command: []string{"./" + w.script}}
	if script.Mode()&0o111 == 0 {
		found.command = []string{"sh", w.script} // A tree from an archive may have lost the bit.
	}
	text, err := root.ReadFile(w.properties)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is there, and %s is not: make the wrapper again, or remove it", w.script, w.properties)
	}
	if err != nil {
		return nil, err
	}
	if w.jar != "" {
		if _, err := root.Stat(w.jar); err != nil {
			return nil, fmt.Errorf("%s cannot run without %s: commit that too (is it in .gitignore?): %w", w.script, w.jar, err)
		}
	}
	return found, found.read(tool, w, string(text))
}

// read takes the version and the checksum from a properties file.
func (f *wrapped) read(tool string, w wrapper, text string) error {
	p := readProperties(text)
	url, ok := p["distributionUrl"]
	if !ok {
		return fmt.Errorf("%s has no distributionUrl: make the wrapper again", w.properties)
	}
	f.verified = p["distributionSha256Sum"].value != ""
	f.tool = build.Tool{Name: tool, File: w.properties, Line: url.line, Rule: "by " + w.script + " before the PATH"}
	if !f.verified {
		f.tool.Rule += ", without a checksum"
	}
	if m := w.version.FindStringSubmatch(url.value); m != nil {
		f.tool.Version = m[1]
	}
	if moving.MatchString(f.tool.Version) {
		return fmt.Errorf("%s:%d asks for %s %q, which is another one tomorrow: name a version", w.properties, url.line, tool, f.tool.Version)
	}
	return nil
}

// property is a value of a properties file and the line it stands in.
type property struct {
	value string
	line  int
}

// readProperties reads what wrappers write: lines "key=value", with backslashes
// before colons. Of a key that is there twice the last counts, as in Java.
func readProperties(text string) map[string]property {
	found := map[string]property{}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		key, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || strings.HasPrefix(line, "!") {
			continue
		}
		found[strings.TrimSpace(key)] = property{strings.ReplaceAll(strings.TrimSpace(value), `\`, ""), n}
	}
	return found
}
