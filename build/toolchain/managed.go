package toolchain

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"
	"github.com/pelletier/go-toml/v2/unstable"

	"github.com/muster-deploy/muster/build"
)

// readers turn what a version manager's file says into a version.
var readers = map[string]func(string) (string, error){
	"ruby": rubyVersion, "node": nodeVersion, "java": javaVersion,
}

// managed is the source that version managers have: .tool-versions of asdf, and the
// files of mise, which reads .tool-versions too.
func managed(names ...string) source {
	return func(t *tree) ([]build.Tool, error) {
		found, err := toolVersions(t, names)
		errs := []error{err}
		for _, file := range []string{"mise.toml", ".mise.toml", ".config/mise.toml"} {
			more, err := mise(t, file, names)
			found = append(found, more...)
			errs = append(errs, err)
		}
		return found, errors.Join(errs...)
	}
}

// toolVersions reads .tool-versions: a tool and its versions on each line. Of
// several, the first is used and the others are fallbacks.
func toolVersions(t *tree, names []string) ([]build.Tool, error) {
	const file = ".tool-versions"
	text, _, err := t.read(file)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(text, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 || !slices.Contains(names, words[0]) {
			continue
		}
		if len(words) == 1 {
			return nil, fmt.Errorf("%s:%d: %s has no version", file, i+1, words[0])
		}
		return asked(names[0], words[1], file, i+1)
	}
	return nil, nil
}

// asked reads one version of a version manager.
func asked(tool, said, file string, line int) ([]build.Tool, error) {
	if strings.HasPrefix(said, "ref:") || strings.HasPrefix(said, "path:") || strings.HasPrefix(said, "prefix:") {
		return nil, fmt.Errorf("%s:%d: %s %s is no version: set it by option", file, line, tool, said)
	}
	v, err := readers[tool](said)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return []build.Tool{{Version: v, File: file, Line: line}}, nil
}

// mise reads the table [tools] of a file of mise.
func mise(t *tree, file string, names []string) ([]build.Tool, error) {
	text, there, err := t.read(file)
	if !there || err != nil {
		return nil, err
	}
	var config struct {
		Tools map[string]any `toml:"tools"`
	}
	if err := toml.Unmarshal([]byte(text), &config); err != nil {
		if d, ok := errors.AsType[*toml.DecodeError](err); ok {
			line, _ := d.Position()
			return nil, fmt.Errorf("%s:%d: %w", file, line, err)
		}
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, name := range names {
		said, there := config.Tools[name]
		if !there {
			continue
		}
		line := keyLine(text, name)
		v, ok := miseVersion(said)
		if !ok {
			return nil, fmt.Errorf("%s:%d: %s has no version", file, line, name)
		}
		return asked(names[0], v, file, line)
	}
	return nil, nil
}

// miseVersion is a version, the first of a list, or the "version" of a table.
func miseVersion(said any) (string, bool) {
	switch v := said.(type) {
	case string:
		return v, v != ""
	case int64:
		return fmt.Sprint(v), true
	case []any:
		if len(v) > 0 {
			return miseVersion(v[0])
		}
	case map[string]any:
		return miseVersion(v["version"])
	}
	return "", false
}

// keyLine returns the line of tools.KEY in a text that has parsed; zero where it is
// written in a way that is not known here.
func keyLine(text, key string) int {
	p := unstable.Parser{}
	p.Reset([]byte(text))
	table := []string{}
	for p.NextExpression() {
		e := p.Expression()
		var path []string
		var at int
		for it := e.Key(); it.Next(); {
			path = append(path, string(it.Node().Data))
			at = int(it.Node().Raw.Offset)
		}
		if e.Kind == unstable.Table {
			table = path
		}
		if full := append(slices.Clone(table), path...); e.Kind == unstable.KeyValue && slices.Equal(full, []string{"tools", key}) ||
			e.Kind == unstable.Table && slices.Equal(path, []string{"tools", key}) {
			return lineOf(text, at)
		}
	}
	return 0
}
