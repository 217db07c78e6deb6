package build_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// kind recognises a tree by one file.
type kind struct {
	name, file string
	err        error
}

func (k kind) Recognize(dir string) (build.Recognition, error) {
	r := build.Recognition{Kind: k.name, Looked: "a " + k.file}
	if _, err := os.Stat(filepath.Join(dir, k.file)); err == nil {
		r.Found = k.file
	}
	return r, k.err
}

func (k kind) Build(context.Context, *build.Workspace) (build.Output, error) {
	return build.Output{Dir: k.name}, nil
}

func TestDetect(t *testing.T) {
	rails, java := kind{name: "rails", file: "Gemfile.lock"}, kind{name: "java", file: "pom.xml"}
	broken := kind{name: "broken", err: errors.New("package.json:3: not JSON")}
	for _, c := range []struct {
		name     string
		files    []string
		builders []build.Recognizer
		want     string
		err      string
	}{
		{"the one that recognises it", []string{"pom.xml"}, []build.Recognizer{rails, java}, "java", ""},
		{"none", []string{"README"}, []build.Recognizer{rails, java}, "",
			"detect the builder: no builder recognises the tree; looked for rails: a Gemfile.lock; java: a pom.xml"},
		{"two", []string{"pom.xml", "Gemfile.lock"}, []build.Recognizer{rails, java}, "",
			"detect the builder: several builders recognise the tree: rails: Gemfile.lock; java: pom.xml; name the one to use"},
		{"no builder", nil, nil, "", "detect the builder: there is no builder to choose from"},
		{"a broken file", []string{"pom.xml"}, []build.Recognizer{java, broken}, "", "detect the builder: package.json:3: not JSON"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, log := t.TempDir(), &bytes.Buffer{}
			for _, f := range c.files {
				require.NoError(t, os.WriteFile(filepath.Join(dir, f), nil, 0o644))
			}
			out, err := build.Detect(c.builders...).Build(t.Context(), &build.Workspace{Dir: dir, Log: log})
			if c.err != "" {
				require.EqualError(t, err, c.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, c.want, out.Dir)
			assert.Equal(t, "builder: java (pom.xml)\n", log.String())
		})
	}
}
