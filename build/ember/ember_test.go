package ember_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/ember"
)

// machine is a Runner with node and npm, on which a build makes files.
type machine struct {
	makes map[string]string
	ran   []build.Command
	err   error
}

func (m *machine) Run(_ context.Context, dir string, c build.Command, _ io.Writer) error {
	m.ran = append(m.ran, c)
	switch {
	case c.Name == "node":
		fmt.Fprintln(c.Stdout, "v20.1.0 linux x64 2.36")
	case c.Args[0] == "run":
		for p, content := range m.makes {
			at := filepath.Join(dir, p)
			if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), 0o644)); err != nil {
				return err
			}
		}
		return m.err
	}
	return nil
}

// app is the source of a small app.
func app(t *testing.T, more ...string) string {
	t.Helper()
	files := append([]string{"package.json", "{\"scripts\": {\"build\": \"ember build\"},\n\"devDependencies\": {\"ember-cli\": \"~5.12.0\"}}", "package-lock.json", "{}"}, more...)
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		at := filepath.Join(dir, files[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(files[i+1]), 0o644))
	}
	return dir
}

// built builds an app on a machine.
func built(t *testing.T, c ember.Config, m *machine, dir string) (build.Output, string, error) {
	t.Helper()
	b, err := ember.New(c)
	require.NoError(t, err)
	log := &bytes.Buffer{}
	out, err := b.Build(t.Context(), &build.Workspace{Dir: dir, Runner: m, Log: log})
	return out, log.String(), err
}

func TestEveryFileGetsItsClass(t *testing.T) {
	want := map[string]build.Class{
		"index.html":             build.Entry,
		"admin/index.html":       build.Entry,
		"sw.js":                  build.ServiceWorker,
		"worker/own.js":          build.ServiceWorker,
		"assets/app-Dk3_x9Qz.js": build.Hashed, "assets/app-Dk3_x9Qz.js.map": build.Hashed,
		"assets/vendor-0123456789abcdef0123456789abcdef.css": build.Hashed,
		"assets/chunk.143.8c5a3b2c9d4e5f60a1b2.js":           build.Hashed,
		"assets/renamed-calendar.js":                         build.Hashed, // the map says so
		"assets/date-calendar.js":                            build.Other,
		"assets/report-20260101.pdf":                         build.Other,
		"assets/some-Tutorial.png":                           build.Other,
		"assets/logo-section1.png":                           build.Other,
		"assets/logo-iconMenu.png":                           build.Other,
		"assets/logo-Dk3_x9Qz.png":                           build.Other, // the source has it under this name
		"assets/plain.js":                                    build.Other,
		"images/app-Dk3_x9Qz.png":                            build.Other,
		"robots.txt":                                         build.Other,
		"assets/assetMap.json":                               build.Other,
	}
	makes := map[string]string{}
	for p := range want {
		makes["dist/"+p] = p
	}
	makes["dist/assets/assetMap.json"] = `{"assets": {"assets/renamed.js": "assets/renamed-calendar.js", "assets/plain.js": "assets/plain.js"}}`
	out, log, err := built(t, ember.Config{ServiceWorkers: []string{"worker/own.js"}}, &machine{makes: makes}, app(t, "public/assets/logo-Dk3_x9Qz.png", ""))
	require.NoError(t, err)
	assert.Equal(t, "dist", out.Dir)
	for p, class := range want {
		assert.Equal(t, class, out.Classes[p], p)
	}
	assert.Regexp(t, `^uses node \(the app asks for no version\)\nuses npm \(package-lock.json, by the one lockfile\)\n`, log)
	assert.Equal(t, "npm", out.Tools[1].Name)
}

func TestTheBuildIsForProduction(t *testing.T) {
	for script, want := range map[string]string{
		"ember build":                          "npm run build -- --environment=production",
		"ember build --environment=production": "npm run build",
		"vite build":                           "npm run build",
	} {
		m := &machine{makes: map[string]string{"dist/index.html": ""}}
		_, _, err := built(t, ember.Config{}, m, app(t, "package.json", `{"scripts": {"build": "`+script+`"}}`))
		require.NoError(t, err)
		last := m.ran[len(m.ran)-1]
		assert.Equal(t, want, last.String())
		assert.Equal(t, "production", last.Env["EMBER_ENV"])
		assert.FileExists(t, last.Env["TMPDIR"]+"/steady.cjs")
		assert.Equal(t, `--require "`+last.Env["TMPDIR"]+`/steady.cjs"`, last.Env["NODE_OPTIONS"])
		assert.False(t, last.Network)
	}
	m := &machine{makes: map[string]string{"dist/index.html": ""}}
	_, _, err := built(t, ember.Config{Environment: "staging"}, m, app(t, "package.json", `{"scripts": {"build": "vite build"}}`))
	require.NoError(t, err)
	assert.Equal(t, "npm run build -- --mode=staging", m.ran[len(m.ran)-1].String())
}

func TestTheOutputIsWhereTheAppSays(t *testing.T) {
	m := &machine{makes: map[string]string{"public/built/index.html": ""}}
	out, _, err := built(t, ember.Config{}, m, app(t, ".ember-cli", "{\n  /** a // b */\n  // c\n  \"output-path\": \"public/built/\"\n}"))
	require.NoError(t, err)
	assert.Equal(t, "public/built", out.Dir)
	_, _, err = built(t, ember.Config{}, m, app(t, ".ember-cli", `{"output-path": "../built"}`))
	require.ErrorContains(t, err, `.ember-cli: output-path "../built" is not a directory inside the tree`)
	_, _, err = built(t, ember.Config{}, m, app(t, ".ember-cli", `{`))
	require.ErrorContains(t, err, ".ember-cli: unexpected end of JSON")
}

func TestTheOutputOfViteIsWhereItsConfigurationSays(t *testing.T) {
	m := &machine{makes: map[string]string{"out/site/index.html": "", "dist/index.html": ""}}
	for config, want := range map[string]string{
		"export default defineConfig({\n  // outDir: 'old'\n  build: { emptyOutDir: 'no', outDir: './out/site' },\n})": "out/site",
		"export default { build: { \"outDir\": `out/site` } }":                                                         "out/site",
		"export default { build: { outDir: process.env.OUT } }":                                                        "dist",
		"export default { root: 'http://x/', /* outDir: 'old' */ }":                                                    "dist",
	} {
		out, _, err := built(t, ember.Config{}, m, app(t, "vite.config.mjs", config))
		require.NoError(t, err, config)
		assert.Equal(t, want, out.Dir, config)
	}
	_, _, err := built(t, ember.Config{}, m, app(t, "vite.config.ts", "export default { build: { outDir: '../site' } }"))
	require.ErrorContains(t, err, `vite.config.ts: outDir "../site" is not a directory inside the tree`)
	for _, script := range []string{"vite build --outDir out/site && echo done", "ember build --output-path=out/site"} {
		out, _, err := built(t, ember.Config{}, m, app(t, "package.json", `{"scripts": {"build": "`+script+`"}}`))
		require.NoError(t, err)
		assert.Equal(t, "out/site", out.Dir, script)
	}
}

func TestABuildThatMakesNothingIsAnError(t *testing.T) {
	_, _, err := built(t, ember.Config{}, &machine{}, app(t, "dist/index.html", "stale, and committed"))
	require.EqualError(t, err, "build the Ember app: npm run build -- --environment=production ended well and made no directory dist: set the output path if the app builds elsewhere")
	_, _, err = built(t, ember.Config{}, &machine{makes: map[string]string{"dist/app.js": ""}}, app(t))
	require.ErrorContains(t, err, "ended well, and there is no page in dist: no .html file")
	_, _, err = built(t, ember.Config{}, &machine{err: errors.New("exit status 1")}, app(t))
	require.ErrorContains(t, err, "exit status 1")
	_, _, err = built(t, ember.Config{}, &machine{}, app(t, "yarn.lock", ""))
	require.ErrorContains(t, err, "several lockfiles, package-lock.json and yarn.lock")
}

func TestAnAppIsRecognisedByItsDependencies(t *testing.T) {
	b, err := ember.New(ember.Config{})
	require.NoError(t, err)
	for manifest, found := range map[string]string{
		"{\"devDependencies\":\n{\"ember-cli\": \"1\"}}":        "package.json:2 depends on ember-cli",
		"{\"dependencies\": {\"@embroider/vite\": \"1\"}}":      "package.json:1 depends on @embroider/vite",
		"{\"devDependencies\": {\"react\": \"1\"}}":             "",
		"{\"keywords\": [\"ember-cli\"], \"dependencies\": {}}": "",
	} {
		r, err := b.Recognize(app(t, "package.json", manifest))
		require.NoError(t, err)
		assert.Equal(t, found, r.Found)
	}
	r, err := b.Recognize(t.TempDir())
	require.NoError(t, err)
	assert.Empty(t, r.Found)
	_, err = b.Recognize(app(t, "package.json", "{"))
	require.ErrorContains(t, err, "package.json:1: unexpected end of JSON input")
}

func TestNewComplainsAtOnce(t *testing.T) {
	_, err := ember.New(ember.Config{Output: "../x", Script: "-x", ServiceWorkers: []string{"/sw.js"}})
	require.ErrorContains(t, err, `"../x" is not a path inside the tree`)
	require.ErrorContains(t, err, `"/sw.js" is not a path`)
	require.ErrorContains(t, err, "begins with a dash")
}

func TestTheIdentityTellsSettingsApart(t *testing.T) {
	a, err := ember.New(ember.Config{})
	require.NoError(t, err)
	b, err := ember.New(ember.Config{Environment: "staging"})
	require.NoError(t, err)
	assert.NotEqual(t, a.Identity(), b.Identity())
}

func FuzzEmberCLI(f *testing.F) {
	f.Add([]byte("{ /* x */ \"a\": \"// b\" } //"))
	f.Fuzz(func(t *testing.T, text []byte) {
		dir := app(t, ".ember-cli", string(text))
		b, err := ember.New(ember.Config{})
		require.NoError(t, err)
		m := &machine{makes: map[string]string{"dist/index.html": ""}}
		_, _ = b.Build(t.Context(), &build.Workspace{Dir: dir, Runner: m})
	})
}
