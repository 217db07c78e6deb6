package java

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/muster-deploy/muster/build"
)

// The build tools, by the names that Config and build.Tool use.
const (
	maven  = "maven"
	gradle = "gradle"
)

// marks are the files at the root of a tree that say which tool builds it.
var marks = []struct{ file, tool string }{
	{"pom.xml", maven},
	{"settings.gradle", gradle}, {"settings.gradle.kts", gradle},
	{"build.gradle", gradle}, {"build.gradle.kts", gradle},
}

// Recognize implements build.Recognizer: by a pom.xml, or by Gradle's scripts.
func (b *Builder) Recognize(dir string) (build.Recognition, error) {
	r := build.Recognition{Kind: "java", Looked: "a pom.xml, build.gradle(.kts) or settings.gradle(.kts)"}
	found, err := markedBy(dir)
	if err != nil {
		return r, fmt.Errorf("look for a java project: %w", err)
	}
	for _, tool := range []string{maven, gradle} {
		if file := found[tool]; file != "" && (b.config.Tool == "" || b.config.Tool == tool) {
			r.Found = strings.TrimPrefix(r.Found+" and "+file, " and ")
		}
	}
	return r, nil
}

// markedBy returns the first file for each tool that the tree in dir has.
func markedBy(dir string) (map[string]string, error) {
	found := map[string]string{}
	for _, m := range marks {
		info, err := os.Stat(dir + "/" + m.file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if info.Mode().IsRegular() && found[m.tool] == "" {
			found[m.tool] = m.file
		}
	}
	return found, nil
}

// chooseTool returns the tool that builds the tree in dir.
func (b *Builder) chooseTool(dir string) (string, error) {
	found, err := markedBy(dir)
	if err != nil {
		return "", err
	}
	switch tool := b.config.Tool; {
	case tool != "" && found[tool] == "":
		return "", fmt.Errorf("the tree is to be built with %s (Config.Tool), and has no file for it at its root", tool)
	case tool != "":
		return tool, nil
	case found[maven] != "" && found[gradle] != "":
		return "", fmt.Errorf("the tree has both %s and %s: say which one to use with Config.Tool", found[maven], found[gradle])
	case found[maven] != "":
		return maven, nil
	case found[gradle] != "":
		return gradle, nil
	}
	return "", errors.New("the tree has no pom.xml, build.gradle(.kts) or settings.gradle(.kts) at its root")
}

// skipped are directories in which no module of a project stands. The projects in
// src/test are fixtures.
var skipped = []string{"node_modules", "target", "src/main", "src/test", work}

// find lists the files of the tree for which wanted holds, by path, sorted.
func find(root *os.Root, wanted func(p string) bool) ([]string, error) {
	var paths []string
	err := fs.WalkDir(root.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && (hidden(d.Name()) || slices.ContainsFunc(skipped, func(s string) bool {
			return p == s || strings.HasSuffix(p, "/"+s)
		})):
			return fs.SkipDir
		case d.Type().IsRegular() && wanted(p):
			paths = append(paths, p)
		}
		return nil
	})
	return paths, err
}

// hidden says whether a directory is one of tools; Maven's own holds what decides
// about a build.
func hidden(name string) bool { return strings.HasPrefix(name, ".") && name != ".mvn" }

// modules lists the directories that hold a pom.xml.
func modules(root *os.Root) ([]string, error) {
	poms, err := find(root, func(p string) bool { return path.Base(p) == "pom.xml" })
	for i, p := range poms {
		poms[i] = path.Dir(p)
	}
	return poms, err
}
