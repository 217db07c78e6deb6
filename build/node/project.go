package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/toolchain"
)

// Options says how an app's dependencies are installed and its scripts run. The zero
// value takes what the tree says.
type Options struct {
	// Node says how the version of node is chosen.
	Node toolchain.Options
	// Secrets are in the environment of the install, and of nothing else: the token
	// of a private registry that an .npmrc refers to as ${NPM_TOKEN}.
	Secrets map[string]string
	// Network lets scripts of the app reach other machines, too.
	Network bool
}

// Project is what the package.json of a tree and the files beside it say. Its methods
// may be called by several goroutines at once.
type Project struct {
	options  Options
	node     build.Tool
	manager  build.Tool
	lockfile string
	berry    bool // Yarn 2 or later
	manifest Manifest
	inputs   []string // all files that decide what is installed
	hooked   string   // why an install reads more than its inputs
}

// Manifest is the part of a package.json that builders look at.
type Manifest struct {
	Name                 string            `json:"name"`
	PackageManager       string            `json:"packageManager"`
	Scripts              map[string]string `json:"scripts"`
	Dependencies         map[string]string `json:"dependencies"`
	DevDependencies      map[string]string `json:"devDependencies"`
	OptionalDependencies map[string]string `json:"optionalDependencies"`
	// Resolutions are what Yarn uses whatever is asked for.
	Resolutions map[string]any `json:"resolutions"`
}

// Depends says whether the app depends on a package, to run or to be built.
func (m Manifest) Depends(name string) bool {
	_, run := m.Dependencies[name]
	_, built := m.DevDependencies[name]
	return run || built
}

// maxManifest bounds a package.json and a lockfile, in bytes.
const maxManifest = 64 << 20

// ReadManifest returns the package.json in dir, with its text, or an error that wraps
// fs.ErrNotExist.
func ReadManifest(dir string) (Manifest, string, error) {
	var m Manifest
	root, err := os.OpenRoot(dir)
	if err != nil {
		return m, "", err
	}
	defer root.Close()
	text, err := read(root, "package.json")
	if err != nil {
		return m, "", err
	}
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return m, "", fmt.Errorf("package.json:%d: %w", lineOfError(text, err), err)
	}
	return m, text, nil
}

// read returns the text of a file of the tree.
func read(root *os.Root, name string) (string, error) {
	f, err := root.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil && len(b) > maxManifest {
		err = fmt.Errorf("it is larger than %d bytes", maxManifest)
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	return string(b), nil
}

// lineOfError returns the line that an error of encoding/json is about.
func lineOfError(text string, err error) int {
	offset := int64(0)
	if e, ok := errors.AsType[*json.SyntaxError](err); ok {
		offset = e.Offset
	}
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		offset = e.Offset
	}
	return 1 + strings.Count(text[:min(max(offset, 0), int64(len(text)))], "\n")
}

// Line returns the line of the text of a package.json on which "name": stands, for
// people; zero if there is none.
func Line(text, name string) int {
	quoted, _ := json.Marshal(name)
	for i, line := range strings.Split(text, "\n") {
		if _, after, ok := strings.Cut(line, string(quoted)); ok && strings.HasPrefix(strings.TrimSpace(after), ":") {
			return i + 1
		}
	}
	return 0
}

// Read returns the project in dir, with every complaint about it at once. It runs
// nothing. A tree without a package.json is an error that wraps fs.ErrNotExist.
func Read(dir string, o Options) (*Project, error) {
	m, text, err := ReadManifest(dir)
	if err != nil {
		return nil, fmt.Errorf("read the JavaScript project: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("read the JavaScript project: %w", err)
	}
	defer root.Close()
	p := &Project{options: o, manifest: m}
	p.node, err = toolchain.Node(dir, o.Node)
	if err := errors.Join(err, p.choose(root, text), p.findInputs(dir)); err != nil {
		return nil, fmt.Errorf("read the JavaScript project: %w", err)
	}
	return p, nil
}

// Manifest returns the package.json.
func (p *Project) Manifest() Manifest { return p.manifest }

// Tools returns node and the package manager, with the reasons why they were chosen.
func (p *Project) Tools() []build.Tool { return []build.Tool{p.node, p.manager} }

// exists says whether there is a file of that name.
func exists(root *os.Root, name string) bool {
	_, err := root.Stat(name)
	return err == nil || !errors.Is(err, fs.ErrNotExist)
}
