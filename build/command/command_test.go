package command_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/command"
)

func Example() {
	dir, err := os.MkdirTemp("", "source-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	builder, err := command.New(command.Config{
		Run: []build.Command{
			{Name: "mkdir", Args: []string{"public"}},
			{Name: "sh", Args: []string{"-c", `printf 'hello, %s\n' "$WHO" > public/index.html`}, Env: map[string]string{"WHO": "world"}},
		},
		Output:  "public",
		Classes: []command.Classify{{Pattern: "*.html", Class: build.Entry}},
	})
	if err != nil {
		panic(err)
	}
	ws := &build.Workspace{Dir: dir}
	out, err := builder.Build(context.Background(), ws)
	if err != nil {
		panic(err)
	}
	artifact, err := ws.Record(context.Background(), out, build.Limits{})
	if err != nil {
		panic(err)
	}
	for _, f := range artifact.Manifest {
		fmt.Println(f.Path, f.Size, f.Class)
	}
	// Output: index.html 13 entry
}

func sh(script string) build.Command { return build.Command{Name: "sh", Args: []string{"-c", script}} }

func TestTheCommandBuilderPassesTheSuite(t *testing.T) {
	buildtest.TestBuilder(t, buildtest.BuilderPlace{
		New: func() (build.Builder, error) {
			return command.New(command.Config{Run: []build.Command{sh("mkdir out && cp main out/"), sh("sleep 0.3; ls -1 >out/list")}, Output: "out"})
		},
		Tree: func(dir string) error { return buildtest.WriteTree(dir, map[string]string{"main": "x"}) },
	})
}

func TestAConfigIsCheckedAllAtOnce(t *testing.T) {
	_, err := command.New(command.Config{
		Run:     []build.Command{{}, {Name: "x", Dir: "../.."}, {Name: "y", Args: []string{"hunter2"}, Secrets: map[string]string{"T": "hunter2"}}},
		Output:  "/abs",
		Omit:    []string{"../x"},
		Classes: []command.Classify{{Pattern: "[", Class: "x"}},
		Caches:  []command.Cached{{Name: "a/b"}},
	})
	for _, want := range []string{"command 1", "command 2", "command 3", "Output", "Omit", "Classes", "name \"a/b\"", "set Dir"} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "hunter2")
	_, err = command.New(command.Config{})
	require.ErrorContains(t, err, "no commands")
}

func TestAStaleOutputOfTheSourceIsNotShipped(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, buildtest.WriteTree(dir, map[string]string{"out/stale": "x"}))
	b, err := command.New(command.Config{Run: []build.Command{sh("mkdir -p out && touch out/new")}, Output: "out"})
	require.NoError(t, err)
	_, err = b.Build(t.Context(), &build.Workspace{Dir: dir})
	require.NoError(t, err)
	require.NoFileExists(t, filepath.Join(dir, "out/stale"))
}

func TestACacheIsRestoredForEqualInputsAndForANewerOneOfTheFamily(t *testing.T) {
	cache, err := build.OpenCache(t.TempDir(), build.CacheOptions{})
	require.NoError(t, err)
	b, err := command.New(command.Config{
		Run: []build.Command{sh("mkdir -p deps out; cat deps/* 2>/dev/null; cp lock deps/$(cat lock); touch out/x")}, Output: "out",
		Caches: []command.Cached{{Name: "deps", Dir: "deps", Inputs: []string{"lock"}, Toolchain: "1"}},
	})
	require.NoError(t, err)
	for _, step := range []struct{ lock, want string }{{"one", ""}, {"one", "one"}, {"two", "one"}} {
		dir := t.TempDir()
		require.NoError(t, buildtest.WriteTree(dir, map[string]string{"lock": step.lock}))
		var log bytes.Buffer
		_, err := b.Build(t.Context(), &build.Workspace{Dir: dir, Log: &log, Cache: cache})
		require.NoError(t, err)
		require.Equal(t, step.want != "", bytes.Contains(log.Bytes(), []byte("restored")), log.String())
		require.Contains(t, log.String(), step.want)
	}
}
