package node_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/node"
)

// machine is a Runner that has node and its package managers, and remembers what it
// was asked to run. An install makes node_modules, unless it is to fail.
type machine struct {
	node    string
	manager string // the version of the package manager
	ran     []string
	fail    string
}

func (m *machine) Run(_ context.Context, dir string, c build.Command, log io.Writer) error {
	if slices.Equal(c.Args, []string{"--version"}) {
		fmt.Fprintln(c.Stdout, m.manager)
		return nil
	}
	m.ran = append(m.ran, c.String())
	if c.Name == "node" {
		fmt.Fprintf(c.Stdout, "%s linux x64 2.36\n", m.node)
		return nil
	}
	if m.fail != "" {
		return &build.CommandError{Command: c.String(), Code: 1, Output: m.fail, Err: fs.ErrInvalid}
	}
	if slices.Contains([]string{"ci", "install"}, c.Args[0]) {
		at := filepath.Join(dir, "node_modules", "dep")
		if err := os.MkdirAll(at, 0o755); err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(at, "index.js"), []byte(c.Name), 0o644)
	}
	return nil
}

// write makes a tree: pairs of a path and its content.
func write(t *testing.T, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		at := filepath.Join(dir, files[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(files[i+1]), 0o644))
	}
	return dir
}

func TestThePackageManagerIsWhatTheAppSays(t *testing.T) {
	for _, c := range []struct {
		files   []string
		tool    string
		install string
	}{
		{[]string{"package.json", "{}", "package-lock.json", "{}"}, "npm (package-lock.json, by the one lockfile)", "npm ci --no-audit --no-fund"},
		{[]string{"package.json", "{}", "npm-shrinkwrap.json", "{}"}, "npm (npm-shrinkwrap.json, by the one lockfile)", "npm ci --no-audit --no-fund"},
		{[]string{"package.json", "{}", "yarn.lock", "# yarn lockfile v1\n"}, "yarn (yarn.lock, by the one lockfile)", "yarn install --frozen-lockfile --non-interactive"},
		{[]string{"package.json", "{}", "yarn.lock", "\n__metadata:\n  version: 8\n"}, "yarn (yarn.lock, by the one lockfile)", "yarn install --immutable"},
		{[]string{"package.json", "{\n\"packageManager\": \"pnpm@9.1.0+sha512.ab\"}", "pnpm-lock.yaml", ""},
			"pnpm 9.1.0 (package.json:2, by packageManager)", "pnpm install --frozen-lockfile --prefer-offline"},
	} {
		dir := write(t, c.files...)
		p, err := node.Read(dir, node.Options{})
		require.NoError(t, err)
		assert.Equal(t, c.tool, p.Tools()[1].String())
		m := &machine{node: "v20.1.0"}
		_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: m})
		require.NoError(t, err)
		assert.Equal(t, c.install, m.ran[1])
	}
}

func TestWhatTheTreeGetsWrongIsSaidWithFileAndLine(t *testing.T) {
	for _, c := range []struct {
		files []string
		err   string
	}{
		{[]string{"package.json", "{}", "yarn.lock", "", "package-lock.json", ""}, "several lockfiles, package-lock.json and yarn.lock: remove all but"},
		{[]string{"package.json", "{}"}, "package.json has no lockfile beside it"},
		{[]string{"package.json", "{\n\"packageManager\": \"yarn@1.22.22\"}", "package-lock.json", ""},
			"package.json:2 asks for yarn, and the lockfile package-lock.json is that of npm"},
		{[]string{"package.json", "{\"packageManager\": \"pnpm@latest\"}", "pnpm-lock.yaml", ""}, `package.json:1: packageManager "pnpm@latest" is none`},
		{[]string{"package.json", "{\n\n]"}, "package.json:3: invalid character"},
		{[]string{"package.json", "{\n\"scripts\": 1}"}, "package.json:2: json: cannot unmarshal number"},
		{[]string{"package.json", "{}", "yarn.lock", "", "package-lock.json", "", ".nvmrc", "lts/*"}, ".nvmrc:1 asks for node lts/*"},
	} {
		_, err := node.Read(write(t, c.files...), node.Options{})
		require.Error(t, err)
		assert.Contains(t, err.Error(), c.err)
	}
	_, err := node.Read(t.TempDir(), node.Options{})
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// installed builds once more with a cache, and returns what was run.
func installed(t *testing.T, c *build.Cache, version string, files ...string) []string {
	t.Helper()
	dir := write(t, files...)
	p, err := node.Read(dir, node.Options{})
	require.NoError(t, err)
	node, manager, _ := strings.Cut(version, " npm ")
	m := &machine{node: node, manager: manager}
	ws := &build.Workspace{Dir: dir, Runner: m, Cache: c}
	in, err := p.Install(t.Context(), ws)
	require.NoError(t, err)
	assert.FileExists(t, filepath.Join(dir, "node_modules/dep/index.js"))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "node_modules/.cache/x"), 0o755))
	require.NoError(t, in.Done(t.Context(), ws))
	return m.ran[1:]
}

func TestAnInstallIsSkippedOnlyIfNothingThatDecidesItChanged(t *testing.T) {
	c, err := build.OpenCache(t.TempDir(), build.CacheOptions{})
	require.NoError(t, err)
	app := []string{"package.json", `{"scripts": {"build": "x"}}`, "package-lock.json", "1", "packages/a/package.json", "{}", "patches/dep.patch", "1", "app.js", "1"}
	changed := func(file, content string) []string {
		files := slices.Clone(app)
		files[slices.Index(files, file)+1] = content
		return files
	}
	ran := []string{"npm ci --no-audit --no-fund"}
	assert.Equal(t, ran, installed(t, c, "v20.1.0", app...))
	assert.Empty(t, installed(t, c, "v20.1.0", app...))
	assert.Empty(t, installed(t, c, "v20.1.0", changed("app.js", "2")...), "the install does not read the app")
	assert.Equal(t, ran, installed(t, c, "v20.2.0", app...), "another node")
	assert.Equal(t, ran, installed(t, c, "v20.1.0 npm 11", app...), "another npm")
	assert.Equal(t, ran, installed(t, c, "v20.1.0", changed("package-lock.json", "2")...))
	assert.Equal(t, ran, installed(t, c, "v20.1.0", changed("packages/a/package.json", "{ }")...))
	assert.Equal(t, ran, installed(t, c, "v20.1.0", changed("patches/dep.patch", "2")...))
	assert.Equal(t, ran, installed(t, c, "v20.1.0", append(app, ".npmrc", "x=1")...))
	for range 2 {
		assert.Equal(t, ran, installed(t, c, "v20.1.0", changed("package.json", `{"scripts": {"postinstall": "x"}}`)...), "it has a script of its own")
		assert.Equal(t, ran, installed(t, c, "v20.1.0", append(app, "binding.gyp", "{}")...), "npm compiles it")
	}
}

// packages is a Runner whose installs give packages of the workspace what they need,
// too, as pnpm does.
type packages struct{ machine }

func (m *packages) Run(ctx context.Context, dir string, c build.Command, log io.Writer) error {
	if c.Name == "pnpm" && c.Args[0] == "install" {
		for _, at := range []string{"node_modules/.pnpm/dep", "packages/a/node_modules"} {
			if err := os.MkdirAll(filepath.Join(dir, at), 0o755); err != nil {
				return err
			}
		}
		for to, from := range map[string]string{
			"node_modules/a": "../packages/a", "packages/a/node_modules/dep": "../../../node_modules/.pnpm/dep",
		} {
			if err := os.Symlink(from, filepath.Join(dir, to)); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "node_modules/.pnpm/dep/index.js"), nil, 0o644); err != nil {
			return err
		}
	}
	return m.machine.Run(ctx, dir, c, log)
}

func TestTheDependenciesOfAWorkspaceAreCachedTogether(t *testing.T) {
	at := t.TempDir()
	c, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	once := func() int {
		dir := write(t, "package.json", "{}", "pnpm-lock.yaml", "", "packages/a/package.json", "{}", "packages/b/package.json", "{}")
		p, err := node.Read(dir, node.Options{})
		require.NoError(t, err)
		m := &packages{machine{node: "v20.1.0"}}
		ws := &build.Workspace{Dir: dir, Runner: m, Cache: c}
		in, err := p.Install(t.Context(), ws)
		require.NoError(t, err)
		assert.FileExists(t, filepath.Join(dir, "packages/a/node_modules/dep/index.js"))
		assert.FileExists(t, filepath.Join(dir, "node_modules/a/package.json"))
		assert.NoDirExists(t, filepath.Join(dir, "packages/b/node_modules"))
		require.NoError(t, in.Done(t.Context(), ws))
		return len(m.ran) - 1
	}
	assert.Equal(t, 1, once())
	assert.Zero(t, once())
	lost, err := filepath.Glob(filepath.Join(at, "node_modules-package*"))
	require.NoError(t, err)
	require.Len(t, lost, 1)
	require.NoError(t, os.RemoveAll(lost[0]))
	assert.Equal(t, 1, once(), "half an install is none")
}

func TestASpoiltCacheIsNotTrusted(t *testing.T) {
	at := t.TempDir()
	c, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	app := []string{"package.json", "{}", "package-lock.json", "1"}
	assert.Len(t, installed(t, c, "v20.1.0", app...), 1)
	found, err := filepath.Glob(filepath.Join(at, "node_modules~*/tree/dep/index.js"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	require.NoError(t, os.WriteFile(found[0], []byte("evil"), 0o644))
	assert.Len(t, installed(t, c, "v20.1.0", app...), 1, "it is installed anew")
	assert.Empty(t, installed(t, c, "v20.1.0", app...))
}

func TestALockfileOutOfStepIsNamed(t *testing.T) {
	for _, said := range []string{
		"npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync.",
		"ERR_PNPM_OUTDATED_LOCKFILE  Cannot install with \"frozen-lockfile\"", "error Your lockfile needs to be updated",
		"YN0028: The lockfile would have been modified by this install",
	} {
		dir := write(t, "package.json", "{}", "package-lock.json", "{}")
		p, err := node.Read(dir, node.Options{})
		require.NoError(t, err)
		_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: &machine{node: "v20.1.0", fail: said}})
		require.ErrorContains(t, err, "package-lock.json is out of step with package.json: run npm install and commit the lockfile: run npm ci")
		require.ErrorContains(t, err, said)
	}
}

func TestAFailingNetworkIsTemporary(t *testing.T) {
	for said, want := range map[string]bool{"npm error code ECONNRESET": true, "npm error code E404": false} {
		dir := write(t, "package.json", "{}", "package-lock.json", "{}")
		p, err := node.Read(dir, node.Options{})
		require.NoError(t, err)
		_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: &machine{node: "v20.1.0", fail: said}})
		var temporary interface{ Temporary() bool }
		require.ErrorAs(t, err, &temporary)
		assert.Equal(t, want, temporary.Temporary(), said)
	}
}

func TestACommittedNodeModulesIsRefused(t *testing.T) {
	dir := write(t, "package.json", "{}", "package-lock.json", "{}", "node_modules/x", "")
	p, err := node.Read(dir, node.Options{})
	require.NoError(t, err)
	_, err = p.Install(t.Context(), &build.Workspace{Dir: dir, Runner: &machine{node: "v20.1.0"}})
	require.ErrorContains(t, err, "node_modules is part of the source tree")
}

func TestScriptsGetTheirArguments(t *testing.T) {
	for lock, want := range map[string]string{
		"package-lock.json": "npm run build -- --environment=production", "pnpm-lock.yaml": "pnpm run build --environment=production",
	} {
		p, err := node.Read(write(t, "package.json", `{"scripts": {"build": "x"}}`, lock, ""), node.Options{})
		require.NoError(t, err)
		c, err := p.Script("build", "--environment=production")
		require.NoError(t, err)
		assert.Equal(t, want, c.String())
		assert.False(t, c.Network)
		_, err = p.Script("deploy")
		require.EqualError(t, err, `package.json has no script "deploy"`)
	}
}

func TestASecretIsForTheInstallAlone(t *testing.T) {
	dir := write(t, "package.json", `{"scripts": {"build": "x"}}`, "package-lock.json", "")
	p, err := node.Read(dir, node.Options{Secrets: map[string]string{"NPM_TOKEN": "hunter2-hunter2"}})
	require.NoError(t, err)
	bin := write(t, "npm", "#!/bin/sh\n[ $1 != --version ] || exit 0\necho \"$NPM_TOKEN\" in\nmkdir node_modules\n", "node", "#!/bin/sh\necho v20.1.0 linux x64 2.36\n")
	for _, name := range []string{"npm", "node"} {
		require.NoError(t, os.Chmod(filepath.Join(bin, name), 0o755))
	}
	log := &bytes.Buffer{}
	ws := &build.Workspace{Dir: dir, Log: log, Runner: &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}}}
	_, err = p.Install(t.Context(), ws)
	require.NoError(t, err)
	assert.Contains(t, log.String(), build.Redacted+" in\n")
	assert.NotContains(t, log.String(), "hunter2")
	script, err := p.Script("build")
	require.NoError(t, err)
	assert.Empty(t, script.Secrets)
	assert.True(t, strings.HasPrefix(log.String(), "$ node -p "))
}

func TestABuildBesideOneThatHasTheDependenciesInstallsItsOwn(t *testing.T) {
	at := t.TempDir()
	c, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	app := []string{"package.json", "{}", "package-lock.json", "1"}
	require.Len(t, installed(t, c, "v20.1.0", app...), 1)
	type running struct {
		ws *build.Workspace
		in *node.Installed
	}
	begin := func(want int) running {
		m := &machine{node: "v20.1.0"}
		r := running{ws: &build.Workspace{Dir: write(t, app...), Cache: c, Runner: m}}
		p, err := node.Read(r.ws.Dir, node.Options{})
		require.NoError(t, err)
		r.in, err = p.Install(t.Context(), r.ws)
		require.NoError(t, err)
		require.Len(t, slices.DeleteFunc(m.ran, func(c string) bool { return strings.HasPrefix(c, "node ") }), want)
		require.FileExists(t, filepath.Join(r.ws.Dir, "node_modules/dep/index.js"))
		return r
	}
	for name, order := range map[string][2]int{"the one that borrowed ends first": {0, 1}, "the one that installed ends first": {1, 0}} {
		both := []running{begin(0), begin(1)}
		for _, i := range order {
			require.NoError(t, both[i].in.Done(t.Context(), both[i].ws), name)
		}
		left, err := os.ReadDir(at)
		require.NoError(t, err)
		require.Len(t, left, 1, "%s: one is kept, and nothing is unfinished", name)
		require.Empty(t, installed(t, c, "v20.1.0", app...), name)
	}
}
