package java_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/java"
)

// downloads is what a build of Maven leaves in its repository: a library, and what is
// of no use to another build.
const downloads = "r=.muster-java/repository/g/a; mkdir -p $r; echo lib >$r/a.jar; echo x >$r/a.lastUpdated; echo half >$r/b.jar.part\n"

func TestBadInputIsOneClearErrorAndLeavesNothingHalf(t *testing.T) {
	fakeTools(t)
	ignoring := "(trap '' TERM; exec sleep 300) >/dev/null 2>&1 &\n"
	for name, c := range map[string]struct {
		files map[string]string
		err   string
		kept  int
	}{
		"no runnable jar": {files: map[string]string{"jars/web.jar": pack(t, file{"a", ""})},
			err: "target/web.jar has no Main-Class", kept: 1},
		"two runnable jars": {files: map[string]string{"jars/one.jar": program(t), "jars/two.jar": program(t)},
			err: "target/one.jar, target/two.jar: say with Config.Jar", kept: 1},
		"a broken jar":       {files: map[string]string{"jars/web.jar": "junk"}, err: "not a valid zip file", kept: 1},
		"a build that fails": {files: map[string]string{"build": downloads + ignoring + "echo '[ERROR] Web.java:[3,1] no'; exit 1"}, err: "Web.java:[3,1] no"},
		"a build that is left running": {files: map[string]string{"build": downloads + "(trap '' TERM; exec sleep 300) &\n"},
			err: build.ErrDaemon.Error()},
		"a Java that is not there": {files: map[string]string{".java-version": "99\n"}, err: "the app wants java 99 (.java-version:1)"},
		"two Javas": {files: map[string]string{".java-version": "17\n", ".sdkmanrc": "java=21.0.1-tem\n"},
			err: "the tree asks for different versions of java"},
		"Maven and Gradle": {files: map[string]string{"build.gradle": ""}, err: "both pom.xml and build.gradle"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := mavenTree(nil)
			files["build"] = downloads + ignoring + files["build"]
			maps.Copy(files, c.files)
			at := t.TempDir()
			cache, err := build.OpenCache(at, build.CacheOptions{})
			require.NoError(t, err)
			dir := t.TempDir()
			require.NoError(t, buildtest.WriteTree(dir, files))
			r := constructIn(t, java.Config{}, &build.Workspace{Dir: dir, Cache: cache})
			require.ErrorContains(t, r.err, c.err)
			r.ws.Settle()
			require.NoError(t, buildtest.Leftovers(t.Context(), dir, at))
			require.Len(t, entries(t, at), c.kept, "libraries are kept of a Maven that has ended well")
			if c.kept > 0 {
				require.Equal(t, []string{"a.jar"}, entries(t, filepath.Join(at, entries(t, at)[0], "tree/g/a")))
			}
		})
	}
}

// entries lists a directory.
func entries(t *testing.T, dir string) (names []string) {
	t.Helper()
	list, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

func TestACancelledBuildLeavesNoGrandchildAndNoCache(t *testing.T) {
	fakeTools(t)
	dir, at := t.TempDir(), t.TempDir()
	cache, err := build.OpenCache(at, build.CacheOptions{})
	require.NoError(t, err)
	files := mavenTree(nil)
	files["build"] = downloads + "(trap '' TERM; setsid sleep 1000 & echo 1 >started; wait) & wait"
	require.NoError(t, buildtest.WriteTree(dir, files))
	b, err := java.New(java.Config{})
	require.NoError(t, err)
	ctx, cancel := context.WithCancelCause(t.Context())
	superseded := errors.New("superseded")
	ended := make(chan error)
	ws := &build.Workspace{Dir: dir, Cache: cache, Runner: &build.Local{Grace: 100 * time.Millisecond}}
	go func() {
		_, err := b.Build(ctx, ws)
		ended <- err
	}()
	require.Eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(dir, "started"))
		return err == nil && strings.TrimSpace(string(text)) == "1"
	}, time.Minute, 5*time.Millisecond)
	cancel(superseded)
	require.ErrorIs(t, <-ended, superseded)
	ws.Settle()
	require.NoError(t, buildtest.Leftovers(t.Context(), dir, at))
	require.Empty(t, entries(t, at))
}
