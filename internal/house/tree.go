// Package house holds the repository to its own rules: what may import what, what
// has to be documented, which law has a test, what stands at the top level. Each
// check takes a Tree, or the files themselves, and returns complaints, one sentence
// each; none means that all is well.
//
//	tree, err := house.Read(os.DirFS("."))
//	...
//	for _, complaint := range tree.Imports() {
//		t.Error(complaint)
//	}
//
// It reads sources with go/parser and runs no tool, so that it is fast, sees files
// behind every build tag, and can be shown a faulty tree in memory.
package house

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"strings"
)

// Tree is the Go source of one module. It is not changed once it was read.
type Tree struct {
	files []file
}

// file is one parsed file.
type file struct {
	path    string // slash-separated, from the module's root
	dir     string // of path; "." is the root
	test    bool   // its name ends in _test.go
	syntax  *ast.File
	imports []string
}

// Read parses every Go file beneath root, except in folders that the go tool does
// not look into: testdata, and those that begin with a dot or an underscore.
func Read(root fs.FS) (*Tree, error) {
	t := &Tree{}
	fset := token.NewFileSet()
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != "." && ignored(d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(name) != ".go":
			return nil
		}
		return t.add(fset, root, name)
	})
	if err != nil {
		return nil, fmt.Errorf("read source tree: %w", err)
	}
	return t, nil
}

// ignored reports whether the go tool looks into no folder of that name.
func ignored(name string) bool {
	return name == "testdata" || strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
}

func (t *Tree) add(fset *token.FileSet, root fs.FS, name string) error {
	source, err := fs.ReadFile(root, name)
	if err != nil {
		return err
	}
	syntax, err := parser.ParseFile(fset, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f := file{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"), syntax: syntax}
	for _, spec := range syntax.Imports {
		f.imports = append(f.imports, strings.Trim(spec.Path.Value, "\"`"))
	}
	t.files = append(t.files, f)
	return nil
}
