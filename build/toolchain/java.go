package toolchain

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// sdkman reads "java=17.0.9-tem" of .sdkmanrc.
func sdkman(t *tree) ([]build.Tool, error) { return property(t, ".sdkmanrc", "java") }

// systemProperties reads java.runtime.version of system.properties.
func systemProperties(t *tree) ([]build.Tool, error) {
	return property(t, "system.properties", "java.runtime.version")
}

// property reads one line "key=version" of a file.
func property(t *tree, file, key string) ([]build.Tool, error) {
	text, _, err := t.read(file)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.TrimSpace(name) != key {
			continue
		}
		v, err := javaVersion(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", file, i+1, err)
		}
		return []build.Tool{{Version: v, File: file, Line: i + 1}}, nil
	}
	return nil, nil
}

// scriptComment is a block comment of Groovy and Kotlin.
var scriptComment = regexp.MustCompile(`(?s)/\*.*?(?:\*/|\z)`)

// languageVersion finds what a build script of Gradle asks for, on a line with no
// comment before it.
var languageVersion = regexp.MustCompile(`(?m)^[^/\n]*JavaLanguageVersion\.of\(\s*["']?(\d+)["']?\s*\)`)

// gradleToolchain reads the Java toolchain of a build script of Gradle. One that is
// computed is not seen here: Gradle itself will insist on it.
func gradleToolchain(t *tree) ([]build.Tool, error) {
	for _, file := range []string{"build.gradle", "build.gradle.kts"} {
		text, _, err := t.read(file)
		if err != nil {
			return nil, err
		}
		text = scriptComment.ReplaceAllStringFunc(text, blankLines)
		if at := languageVersion.FindStringSubmatchIndex(text); at != nil {
			return []build.Tool{{Version: text[at[2]:at[3]], File: file, Line: lineOf(text, at[2])}}, nil
		}
	}
	return nil, nil
}

// compileFor are the properties of a pom.xml that say for which Java it compiles, by
// precedence: the last one is Spring Boot's.
var compileFor = []string{"maven.compiler.release", "maven.compiler.target", "java.version"}

// pomRelease reads for which Java a pom.xml compiles. Any newer JDK can do that: it
// is a minimum. A value that is another property is left to Maven.
func pomRelease(t *tree) ([]build.Tool, error) {
	const file = "pom.xml"
	text, there, err := t.read(file)
	if !there || err != nil {
		return nil, err
	}
	set, err := pomProperties(text)
	if err != nil {
		return nil, fmt.Errorf("%s: it is no XML: %w", file, err)
	}
	for _, name := range compileFor {
		said, ok := set[name]
		if !ok || strings.Contains(said.Version, "${") {
			continue
		}
		v, err := javaVersion(said.Version)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %s: %w", file, said.Line, name, err)
		}
		return []build.Tool{{Version: ">=" + v, File: file, Line: said.Line, Rule: minimum}}, nil
	}
	return nil, nil
}

// pomProperties returns project.properties of a pom.xml, with their lines.
func pomProperties(text string) (map[string]build.Tool, error) {
	d := xml.NewDecoder(strings.NewReader(text))
	d.CharsetReader = func(_ string, r io.Reader) (io.Reader, error) { return r, nil } // Versions are ASCII.
	set := map[string]build.Tool{}
	var path []string
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return set, nil
		}
		if err != nil {
			return nil, err
		}
		switch e := token.(type) {
		case xml.StartElement:
			path = append(path, e.Name.Local)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if value := strings.TrimSpace(string(e)); value != "" && len(path) == 3 && path[1] == "properties" {
				set[path[2]] = build.Tool{Version: value, Line: lineOf(text, int(d.InputOffset()))}
			}
		}
	}
}
