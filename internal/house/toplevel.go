package house

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// rooms are the entries of the top level. New things go into one of them.
var rooms = []string{
	"pipeline", "build", "target", "lock", "examples", "internal",
	"go.mod", "go.sum", "doc.go", "README.md", "LICENSE",
}

// TopLevel returns which entries of the root do not belong there. What begins with
// a dot does, and so do the root's own tests.
func TopLevel(root fs.FS) ([]string, error) {
	entries, err := fs.ReadDir(root, ".")
	if err != nil {
		return nil, fmt.Errorf("read top level: %w", err)
	}
	var complaints []string
	for _, e := range entries {
		name := e.Name()
		test, _ := path.Match("*_test.go", name)
		if !slices.Contains(rooms, name) && !strings.HasPrefix(name, ".") && !(test && !e.IsDir()) {
			complaints = append(complaints, fmt.Sprintf("%s does not belong to the top level: find the package that it is part of", name))
		}
	}
	return complaints, nil
}
