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

const makes = "sleep 0.2 & wait\nmkdir dist\necho page >dist/index.html\n"

func TestConformance(t *testing.T) {
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
	cwds, err := filepath.Glob("/proc/[0-9]*/cwd")
	require.NoError(t, err)
	for _, cwd := range cwds {
		in, _ := os.Readlink(cwd)
		assert.NotEqual(t, dir, in, "%s still runs there", cwd)
	}
	left, err := os.ReadDir(at)
	require.NoError(t, err)
	assert.Empty(t, left)
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
