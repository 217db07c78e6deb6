package rails_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/rails"
)

// machine is a Runner with Ruby and Bundler, which makes the files that they would.
type machine struct {
	ruby   string
	sheet  string // the digest of the stylesheet that is compiled
	fails  string // what bundle install says before it fails
	breaks bool   // assets:precompile fails
	ran    []string
}

func (m *machine) Run(_ context.Context, dir string, c build.Command, _ io.Writer) error {
	m.ran = append(m.ran, c.String())
	write := func(p, content string) error {
		at := filepath.Join(dir, p)
		return errors.Join(os.MkdirAll(filepath.Dir(at), 0o755), os.WriteFile(at, []byte(content), 0o644))
	}
	switch {
	case c.Name == "ruby":
		fmt.Fprintf(c.Stdout, "%s x86_64-linux glibc-2.36", m.ruby)
	case c.Name == "bundle" && c.Args[0] == "install":
		if m.fails != "" {
			return &build.CommandError{Command: c.String(), Code: 7, Output: m.fails, Err: errors.New("exit status 7")}
		}
		return errors.Join(write("vendor/bundle/ruby/3.2.0/gems/rack-1/lib/rack.rb", "rack"),
			write("vendor/bundle/ruby/3.2.0/cache/rack-1.gem", dir),
			write("vendor/bundle/ruby/3.2.0/extensions/x/3.2.0/puma-1/gem_make.out", dir),
			write("vendor/bundle/ruby/3.2.0/extensions/x/3.2.0/puma-1/puma.so", "so"),
			write("vendor/bundle/ruby/3.2.0/gems/puma-1/ext/puma/Makefile", dir),
			write("vendor/bundle/ruby/3.2.0/gems/puma-1/ext/puma/puma.o", dir))
	case slices.Contains(c.Args, "assets:precompile"):
		if _, err := os.Stat(filepath.Join(dir, "vendor/bundle/ruby/3.2.0/gems/rack-1/lib/rack.rb")); err != nil {
			return err // A command of the app needs its gems.
		}
		if m.breaks {
			return &build.CommandError{Command: c.String(), Code: 1, Output: "Undefined variable: $x", Err: errors.New("exit status 1")}
		}
		return errors.Join(write("public/assets/application-"+m.sheet+".css", m.sheet), write("tmp/cache/assets/x", "x"),
			write("public/assets/application-"+m.sheet+".css.gz", "\x1f\x8b\x08\x00"+m.sheet[:4]+"\x00\x03"),
			write("public/assets/.sprockets-manifest-"+strings.Repeat(m.sheet[:4], 8)+".json",
				`{"files": {"application-`+m.sheet+`.css": {"mtime": "now `+dir+`", "size": 1}}, "assets": {}}`))
	}
	return nil
}

const lock = `GEM
  remote: http://gems/
  specs:
    puma (5.6.5)
    rails (7.1.3)
      sprockets-rails (>= 2)
    sprockets-rails (3.4.2)

BUNDLED WITH
   2.3.15
`

// app is the source of a small app, with some files of its own.
func app(t *testing.T, more ...string) string {
	t.Helper()
	files := append([]string{"Gemfile", "gem 'rails'\n", "Gemfile.lock", lock, ".ruby-version", "3.2.2\n",
		"app/controllers/a.rb", "1", "app/assets/a.css", "1", "test/a_test.rb", "1", "log/production.log", "old"}, more...)
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		at := filepath.Join(dir, files[i])
		require.NoError(t, os.MkdirAll(filepath.Dir(at), 0o755))
		require.NoError(t, os.WriteFile(at, []byte(files[i+1]), 0o644))
	}
	return dir
}

// built builds a tree and returns the artifact's paths, and the log.
func built(t *testing.T, m *machine, cache *build.Cache, dir string) (*build.Artifact, string) {
	t.Helper()
	b, err := rails.New(rails.Config{})
	require.NoError(t, err)
	log := &bytes.Buffer{}
	ws := &build.Workspace{Dir: dir, Runner: m, Cache: cache, Log: log}
	out, err := b.Build(t.Context(), ws)
	require.NoError(t, err, log)
	a, err := ws.Record(t.Context(), out, build.Limits{})
	require.NoError(t, err)
	return a, log.String()
}

// paths lists the files of an artifact.
func paths(a *build.Artifact) (p []string) {
	for _, f := range a.Manifest {
		p = append(p, f.Path)
	}
	return p
}

const (
	tomato = "aaaa0000000000000000000000000000000000000000000000000000000000aa"
	plum   = "bbbb0000000000000000000000000000000000000000000000000000000000bb"
)

func cache(t *testing.T) *build.Cache {
	t.Helper()
	c, err := build.OpenCache(t.TempDir(), build.CacheOptions{})
	require.NoError(t, err)
	return c
}

func TestTheArtifactIsWhatAHostNeeds(t *testing.T) {
	a, log := built(t, &machine{ruby: "3.2.2", sheet: tomato}, nil, app(t))
	got := paths(a)
	for i, p := range got {
		if strings.HasPrefix(p, "public/assets/.sprockets-manifest-") {
			got[i] = "manifest"
		}
	}
	assert.ElementsMatch(t, []string{
		".bundle/config", ".ruby-version", "Gemfile", "Gemfile.lock", "Procfile", "app/assets/a.css", "app/controllers/a.rb",
		"log/.keep", "tmp/pids/.keep", "manifest", "public/assets/application-" + tomato + ".css", "public/assets/application-" + tomato + ".css.gz",
		"vendor/bundle/ruby/3.2.0/gems/rack-1/lib/rack.rb", "vendor/bundle/ruby/3.2.0/extensions/x/3.2.0/puma-1/puma.so",
	}, got)
	assert.True(t, strings.HasPrefix(log, "uses ruby 3.2.2 (.ruby-version:1)\nuses bundle 2.3.15 (Gemfile.lock:10)\n"), log)
	again, _ := built(t, &machine{ruby: "3.2.2", sheet: tomato}, nil, app(t))
	assert.Equal(t, a.Digest, again.Digest, "at another path")
}

func TestOnlyWhatChangedIsDoneAgain(t *testing.T) {
	c := cache(t)
	ran := func(m *machine, dir string) string {
		built(t, m, c, dir)
		var short []string
		for _, command := range m.ran {
			for _, word := range []string{"bundle install", "assets:precompile"} {
				if strings.Contains(command, word) {
					short = append(short, word)
				}
			}
		}
		return strings.Join(short, ", ")
	}
	m := func() *machine { return &machine{ruby: "3.2.2", sheet: tomato} }
	assert.Equal(t, "bundle install, assets:precompile", ran(m(), app(t)))
	assert.Empty(t, ran(m(), app(t)))
	assert.Empty(t, ran(m(), app(t, "app/controllers/a.rb", "2", "README.md", "2", "test/a_test.rb", "2")))
	assert.Equal(t, "assets:precompile", ran(m(), app(t, "app/assets/a.css", "2")))
	assert.Equal(t, "assets:precompile", ran(m(), app(t, "config/initializers/assets.rb", "2")))
	assert.Equal(t, "bundle install, assets:precompile", ran(m(), app(t, "Gemfile.lock", lock+"\n")))
	assert.Equal(t, "bundle install, assets:precompile", ran(&machine{ruby: "3.2.3", sheet: tomato}, app(t)), "another Ruby")
	tailwind := app(t, "Gemfile.lock", strings.Replace(lock, "    sprockets-rails (3", "    tailwindcss-rails (2.0.0)\n    sprockets-rails (3", 1))
	ran(m(), tailwind)
	tailwind = app(t, "Gemfile.lock", strings.Replace(lock, "    sprockets-rails (3", "    tailwindcss-rails (2.0.0)\n    sprockets-rails (3", 1), "app/controllers/a.rb", "2")
	assert.Equal(t, "assets:precompile", ran(m(), tailwind), "Tailwind may read controllers")
}

func TestUnchangedGemsGoFromTheCacheRightIntoTheArtifact(t *testing.T) {
	c := cache(t)
	first, _ := built(t, &machine{ruby: "3.2.2", sheet: tomato}, c, app(t))
	dir := app(t)
	second, log := built(t, &machine{ruby: "3.2.2", sheet: tomato}, c, dir)
	assert.Equal(t, first.Digest, second.Digest)
	assert.Contains(t, log, "vendor/bundle taken from cache")
	assert.NoDirExists(t, filepath.Join(dir, "vendor/bundle"))
}

func TestTheAssetsOfTheReleaseBeforeAreKept(t *testing.T) {
	c := cache(t)
	sheets := func(m *machine, dir string) (names []string) {
		a, _ := built(t, m, c, dir)
		for _, p := range paths(a) {
			if strings.HasSuffix(p, ".css") && strings.HasPrefix(p, "public") {
				names = append(names, strings.TrimSuffix(strings.TrimPrefix(p, "public/assets/application-"), ".css"))
			}
		}
		return names
	}
	rose := strings.Replace(plum, "bbbb", "cccc", 1)
	assert.Equal(t, []string{tomato}, sheets(&machine{ruby: "3.2.2", sheet: tomato}, app(t)))
	assert.Equal(t, []string{tomato, plum}, sheets(&machine{ruby: "3.2.2", sheet: plum}, app(t, "app/assets/a.css", "2")))
	assert.Equal(t, []string{tomato, plum}, sheets(&machine{ruby: "3.2.2"}, app(t, "app/assets/a.css", "2", "app/controllers/a.rb", "2")), "from the cache")
	assert.Equal(t, []string{plum, rose}, sheets(&machine{ruby: "3.2.2", sheet: rose}, app(t, "app/assets/a.css", "3")), "one generation")
}

func TestWhatGoesWrongIsSaidClearly(t *testing.T) {
	for _, c := range []struct {
		machine machine
		files   []string
		err     string
	}{
		{machine{ruby: "3.2.2", breaks: true}, nil, "Undefined variable: $x"},
		{machine{ruby: "3.2.2", fails: "You are trying to install in deployment mode after changing\nyour Gemfile."}, nil,
			"Gemfile.lock is out of step with Gemfile"},
		{machine{}, []string{"Gemfile", "ruby '3.1.0'"}, ".ruby-version:1 wants 3.2.2, Gemfile:1 wants 3.1.0"},
		{machine{ruby: "3.2.2"}, []string{"vendor/bundle/x", "1"}, "vendor/bundle is part of the source tree"},
		{machine{}, []string{"package.json", `{"dependencies": {"a": "1"}}`, "yarn.lock", "", "package-lock.json", ""}, "several lockfiles"},
	} {
		b, err := rails.New(rails.Config{})
		require.NoError(t, err)
		_, err = b.Build(t.Context(), &build.Workspace{Dir: app(t, c.files...), Runner: &c.machine})
		require.ErrorContains(t, err, c.err)
	}
	_, err := rails.New(rails.Config{Omit: []string{"../x"}, Assets: "sometimes"})
	require.ErrorContains(t, err, `"../x" is not a path inside the tree`)
	require.ErrorContains(t, err, `assets "sometimes"`)
}

func TestAFailingSourceOfGemsIsTemporary(t *testing.T) {
	b, err := rails.New(rails.Config{})
	require.NoError(t, err)
	_, err = b.Build(t.Context(), &build.Workspace{Dir: app(t), Runner: &machine{ruby: "3.2.2", fails: "Could not reach host gems"}})
	var temporary interface{ Temporary() bool }
	require.ErrorAs(t, err, &temporary)
	assert.True(t, temporary.Temporary())
}

func TestAnAppIsRecognisedByItsLockfile(t *testing.T) {
	b, err := rails.New(rails.Config{})
	require.NoError(t, err)
	r, err := b.Recognize(app(t))
	require.NoError(t, err)
	assert.Equal(t, "Gemfile.lock:5 locks rails", r.Found)
	r, err = b.Recognize(app(t, "Gemfile.lock", "GEM\n  specs:\n    sinatra (1)\n      rails (1)\n"))
	require.NoError(t, err)
	assert.Empty(t, r.Found)
	r, err = b.Recognize(t.TempDir())
	require.NoError(t, err)
	assert.Empty(t, r.Found)
}
