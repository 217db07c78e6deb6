package ember_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/ember"
)

// tools are programs in place of node and npm: a build runs for a moment, with a child
// of its own as bundlers have.
func tools(t *testing.T, npm string) *build.Local {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, buildtest.WriteTree(bin, map[string]string{
		"node*": "#!/bin/sh\necho v20.1.0 linux x64 2.36\n",
		"npm*":  "#!/bin/sh\nset -e\n[ \"$1\" != --version ] || exit 0\n[ \"$1\" = run ] || { mkdir -p node_modules/x; echo x >node_modules/x/index.js; exit 0; }\n" + npm,
	}))
	return &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}, Grace: time.Second}
}

// installing is tools of which npm installs in another way.
func installing(t *testing.T, install string) *build.Local {
	t.Helper()
	bin := t.TempDir()
	require.NoError(t, buildtest.WriteTree(bin, map[string]string{
		"node*": "#!/bin/sh\necho v20.1.0 linux x64 2.36\n",
		"npm*":  "#!/bin/sh\n[ \"$1\" != --version ] || exit 0\n" + install + "\n",
	}))
	return &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}, Grace: time.Second}
}

const makes = "sleep 0.2 & wait\nmkdir dist\necho page >dist/index.html\n"

func TestConformance(t *testing.T) {
	t.Parallel()
	buildtest.TestBuilder(t, buildtest.BuilderPlace{
		New:    func() (build.Builder, error) { return ember.New(ember.Config{}) },
		Runner: tools(t, makes),
		Tree: func(dir string) error {
			return buildtest.WriteTree(dir, map[string]string{
				"package.json":      `{"scripts": {"build": "ember build"}, "devDependencies": {"ember-cli": "1"}}`,
				"package-lock.json": "{}",
			})
		},
	})
}

func TestACancelledBuildLeavesNoGrandchildAndNoCache(t *testing.T) {
	t.Parallel()
	b, err := ember.New(ember.Config{})
	require.NoError(t, err)
	at := t.TempDir()
	cache, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	dir := app(t)
	ws := &build.Workspace{Dir: dir, Cache: cache, Runner: tools(t, "(trap '' TERM; echo $$ >started; exec sleep 600) &\nwait\n")}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := b.Build(ctx, ws)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "started"))
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	require.NoError(t, buildtest.Leftovers(t.Context(), dir, at))
	left, err := os.ReadDir(at)
	require.NoError(t, err)
	assert.Empty(t, left)
}

// TestBadInputIsOneClearErrorAndLeavesNothingHalf builds each app twice: with an empty
// cache, and with one that has the dependencies already where they can be installed.
func TestBadInputIsOneClearErrorAndLeavesNothingHalf(t *testing.T) {
	t.Parallel()
	half := "mkdir -p dist; echo half >dist/half.js; (trap '' TERM; exec sleep 300) &\n"
	for name, c := range map[string]struct {
		install, build string
		files          []string
		err            string
	}{
		"two lockfiles": {files: []string{"yarn.lock", ""}, err: "there are several lockfiles, package-lock.json and yarn.lock"},
		"a lockfile out of step": {
			install: "mkdir -p node_modules/half; sleep 300 & echo 'npm error `npm ci` can only install packages when your package.json and package-lock.json or npm-shrinkwrap.json are in sync.'; exit 1",
			files:   []string{"package-lock.json", `{"packages": {"": {"devDependencies": {"ember-cli": "~5.11.0"}}}}`},
			err:     `package-lock.json is out of step with package.json:2, which asks for ember-cli "~5.12.0": run npm install and commit the lockfile`},
		"a node that is not there":        {files: []string{".nvmrc", "22.4\n"}, err: "the app wants node 22.4 (.nvmrc:1), this machine has 20.1.0"},
		"two nodes":                       {files: []string{".nvmrc", "20.1.0\n", ".node-version", "20.2.0\n"}, err: "the tree asks for different versions of node"},
		"an install that is left running": {install: "mkdir -p node_modules/half; sleep 300 &", err: build.ErrDaemon.Error()},
		"a build that fails":              {build: half + "echo 'Unexpected token' >&2; exit 1", err: "exit status 1; its output ends with:\nUnexpected token"},
		"a build that makes nothing":      {build: "sleep 300 >/dev/null 2>&1 &\n", err: "ended well and made no directory dist"},
		"a build without a page":          {build: "mkdir dist; echo x >dist/a.js\n", err: "ended well, and there is no page in dist"},
		"a build that is left running":    {build: half, err: build.ErrDaemon.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := ember.New(ember.Config{})
			require.NoError(t, err)
			at := t.TempDir()
			cache, err := build.OpenCache(at, build.CacheOptions{})
			require.NoError(t, err)
			if c.install == "" {
				ws := &build.Workspace{Dir: app(t, "package-lock.json", "{}"), Cache: cache, Runner: tools(t, makes)}
				_, err := b.Build(t.Context(), ws)
				require.NoError(t, err)
			}
			runner := tools(t, c.build)
			if c.install != "" {
				runner = installing(t, c.install)
			}
			ws := &build.Workspace{Dir: app(t, c.files...), Cache: cache, Runner: runner}
			_, err = b.Build(t.Context(), ws)
			require.ErrorContains(t, err, c.err)
			ws.Settle()
			require.NoError(t, buildtest.Leftovers(t.Context(), ws.Dir, at))
			left, err := os.ReadDir(at)
			require.NoError(t, err)
			if c.install == "" {
				assert.Len(t, left, 1, "what was borrowed is back")
			} else {
				assert.Empty(t, left, "no half of an install is kept")
			}
		})
	}
}

func TestANodeThatIsNotThereIsNamed(t *testing.T) {
	b, err := ember.New(ember.Config{})
	require.NoError(t, err)
	_, err = b.Build(t.Context(), &build.Workspace{Dir: app(t, ".nvmrc", "# ours\n22.4\n"), Runner: tools(t, makes)})
	require.ErrorContains(t, err, "the app wants node 22.4 (.nvmrc:2), this machine has 20.1.0")
}

func TestASecretInTheOutputIsRefused(t *testing.T) {
	config := ember.Config{}
	config.Node.Secrets = map[string]string{"NPM_TOKEN": "hunter2-hunter2"}
	b, err := ember.New(config)
	require.NoError(t, err)
	ws := &build.Workspace{Dir: app(t), Runner: tools(t, makes+"echo 'hunter2-hunter2' >dist/app.js\n")}
	out, err := b.Build(t.Context(), ws)
	require.NoError(t, err)
	_, err = ws.Record(t.Context(), out, build.Limits{})
	require.ErrorContains(t, err, "app.js")
	require.ErrorContains(t, err, "NPM_TOKEN")
	assert.NotContains(t, err.Error(), "hunter2")
}
