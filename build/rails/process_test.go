package rails_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/rails"
)

// tools are programs in place of Ruby and Bundler, of which a test says what installs
// and what compiles.
func tools(t *testing.T, install, compile string) *build.Local {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, buildtest.WriteTree(bin, map[string]string{
		"ruby*":   "#!/bin/sh\n[ $1 != --version ] || exec echo ruby 3.2.2p53\nprintf '3.2.2 x86_64-linux glibc-2.36'\n",
		"bundle*": "#!/bin/sh\nset -e\nif [ $1 = install ]; then\n:; " + install + "\nelse\n:; " + compile + "\nfi\n",
	}))
	return &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}, Grace: time.Second}
}

const (
	installs = "sleep 0.1 & wait; mkdir -p vendor/bundle/ruby/3.2.0/gems/rack-1; echo rack >vendor/bundle/ruby/3.2.0/gems/rack-1/rack.rb"
	compiles = "sleep 0.1 & wait; mkdir -p public/assets; cat app/assets/a.css >public/assets/application-1.css"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	buildtest.TestBuilder(t, buildtest.BuilderPlace{
		New:    func() (build.Builder, error) { return rails.New(rails.Config{}) },
		Runner: tools(t, installs, compiles),
		Tree: func(dir string) error {
			return buildtest.WriteTree(dir, map[string]string{"Gemfile": "gem 'rails'\n", "Gemfile.lock": lock, "app/assets/a.css": "1"})
		},
	})
}

func TestBadInputIsOneClearErrorAndLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	half := "mkdir -p vendor/bundle/ruby; echo half >vendor/bundle/ruby/half; sleep 300 & "
	for name, c := range map[string]struct {
		install, compile string
		files            []string
		err              string
	}{
		"two lockfiles": {files: []string{"package.json", `{"dependencies": {"a": "1"}}`, "yarn.lock", "", "package-lock.json", "{}"},
			err: "there are several lockfiles, package-lock.json and yarn.lock: remove all but that of the package manager in use"},
		"a lockfile out of step": {install: half + "echo 'Your lockfile is missing gem x, because frozen mode is set' >&2; exit 16",
			err: "Gemfile.lock is out of step with Gemfile, or not for this platform: run bundle install and commit it"},
		"two Rubies": {files: []string{"Gemfile", "\nruby '3.1.0'"},
			err: "the tree asks for different versions of ruby: .ruby-version:1 wants 3.2.2, Gemfile:2 wants 3.1.0; let them agree"},
		"a Ruby that is not there": {files: []string{".ruby-version", "\n3.9.9\n"},
			err: "the app wants ruby 3.9.9 (.ruby-version:2), this machine has 3.2.2: install it, or build in a container that has it"},
		"no lockfile for Ruby": {files: []string{"Gemfile.lock", "GEM\n\nRUBY VERSION\n"}, err: "Gemfile.lock:3: RUBY VERSION names no version"},
		"assets that do not compile": {install: installs, compile: "mkdir public; echo half >public/half; sleep 300 & echo 'Undefined variable: $nothing' >&2; exit 1",
			err: "run bundle exec rails assets:precompile: exit status 1; its output ends with:\nUndefined variable: $nothing"},
		"an install that is left running": {install: half + "exit 0", err: build.ErrDaemon.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := rails.New(rails.Config{})
			require.NoError(t, err)
			at := t.TempDir()
			cache, err := build.OpenCache(at, build.CacheOptions{})
			require.NoError(t, err)
			dir := app(t, c.files...)
			ws := &build.Workspace{Dir: dir, Cache: cache, Runner: tools(t, c.install, c.compile)}
			_, err = b.Build(t.Context(), ws)
			require.ErrorContains(t, err, c.err)
			ws.Settle()
			require.NoError(t, buildtest.Leftovers(t.Context(), dir, at), name)
		})
	}
}

func TestACancelledBuildLeavesNoGrandchildAndNoHalfCache(t *testing.T) {
	t.Parallel()
	deaf := "(trap '' TERM; echo 1 >started; exec sleep 600) & wait"
	for name, runner := range map[string]*build.Local{
		"while it installs": tools(t, "mkdir -p vendor/bundle; echo half >vendor/bundle/half; "+deaf, ""), "while it compiles": tools(t, installs, deaf),
	} {
		b, err := rails.New(rails.Config{})
		require.NoError(t, err)
		at, dir := t.TempDir(), app(t)
		cache, err := build.OpenCache(at, build.CacheOptions{})
		require.NoError(t, err)
		ctx, cancel := context.WithCancelCause(t.Context())
		stop := errors.New("superseded")
		ended := make(chan error)
		go func() {
			ws := &build.Workspace{Dir: dir, Cache: cache, Runner: runner}
			_, err := b.Build(ctx, ws)
			ws.Settle()
			ended <- err
		}()
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(dir, "started"))
			return err == nil
		}, 30*time.Second, 5*time.Millisecond, name)
		cancel(stop)
		require.ErrorIs(t, <-ended, stop, name)
		require.NoError(t, buildtest.Leftovers(t.Context(), dir, at), name)
	}
}

func TestAPoisonedCacheIsNeitherPlacedNorTrusted(t *testing.T) {
	t.Parallel()
	at := t.TempDir()
	c, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	once := func() (*build.Artifact, string) {
		b, err := rails.New(rails.Config{})
		require.NoError(t, err)
		log := &strings.Builder{}
		ws := &build.Workspace{Dir: app(t), Cache: c, Runner: tools(t, installs, compiles), Log: log}
		out, err := b.Build(t.Context(), ws)
		require.NoError(t, err)
		a, err := ws.Record(t.Context(), out, build.Limits{})
		require.NoError(t, err)
		return a, log.String()
	}
	first, _ := once()
	poisoned, err := filepath.Glob(filepath.Join(at, "*", "tree", "ruby/3.2.0/gems/rack-1/rack.rb"))
	require.NoError(t, err)
	require.Len(t, poisoned, 1)
	require.NoError(t, os.WriteFile(poisoned[0], []byte("evil"), 0o644))
	second, log := once()
	assert.Contains(t, log, "$ bundle install")
	assert.Equal(t, first.Digest, second.Digest)
	third, log := once()
	assert.Contains(t, log, "vendor/bundle taken from cache")
	assert.Equal(t, first.Digest, third.Digest)
}

func TestASecretInTheOutputIsRefused(t *testing.T) {
	t.Parallel()
	b, err := rails.New(rails.Config{Secrets: map[string]string{"BUNDLE_GEMS__EXAMPLE__COM": "hunter2-hunter2"}})
	require.NoError(t, err)
	log := &strings.Builder{}
	leaking := `; echo "source $BUNDLE_GEMS__EXAMPLE__COM"; echo "$BUNDLE_GEMS__EXAMPLE__COM" >vendor/bundle/ruby/config`
	ws := &build.Workspace{Dir: app(t), Runner: tools(t, installs+leaking, compiles), Log: log}
	out, err := b.Build(t.Context(), ws)
	require.NoError(t, err)
	_, err = ws.Record(t.Context(), out, build.Limits{})
	require.ErrorContains(t, err, "vendor/bundle/ruby/config holds the value of the secret BUNDLE_GEMS__EXAMPLE__COM")
	assert.NotContains(t, err.Error()+log.String(), "hunter2")
	assert.Contains(t, log.String(), "source "+build.Redacted)
}
