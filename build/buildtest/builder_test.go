package buildtest

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

// builderFunc is a build.Builder.
type builderFunc func(ctx context.Context, ws *build.Workspace) (build.Output, error)

func (f builderFunc) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	return f(ctx, ws)
}

func sh(script string) build.Command { return build.Command{Name: "sh", Args: []string{"-c", script}} }

// place returns a place for a builder of one tree.
func place(b build.Builder) BuilderPlace {
	return BuilderPlace{
		New: func() (build.Builder, error) { return b, nil },
		Tree: func(dir string) error {
			return WriteTree(dir, map[string]string{"src/main": "source", "go.sh*": "#!/bin/sh\n"})
		},
	}
}

// scripted is a builder that runs one script.
func scripted(script string) builderFunc {
	return func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
		return build.Output{Dir: "out"}, ws.Run(ctx, sh("mkdir out && cp src/main out/ && "+script))
	}
}

func TestASoundBuilderPassesTheSuite(t *testing.T) {
	t.Parallel()
	TestBuilder(t, place(scripted("sleep 0.2")))
	require.Empty(t, record(t, func(r reporter) { builderSuite(r, place(scripted("true"))) }))
}

func TestTheFakeBuilderPassesTheSuite(t *testing.T) {
	t.Parallel()
	TestBuilder(t, place(Builder{Script{Files: map[string]string{"a": "1"}, Log: "built\n", Delay: 100 * time.Millisecond}}))
}

func TestTheSuiteRejectsFaultyBuilders(t *testing.T) {
	var n atomic.Int32
	for name, f := range map[string]struct {
		builder  build.Builder
		complain string
	}{
		"with the time in it": {scripted("date >out/built"), "differ in: built"},
		"with its path in it": {scripted("pwd >out/built"), "differ in: built"},
		"with a random name":  {scripted("touch out/$$-$(od -An -N8 -tx1 /dev/urandom | tr -d ' ')"), "differ in"},
		"writes beside":       {scripted("echo x >../stray"), "beside the workspace"},
		"changes a neighbour": {scripted("echo x >../../neighbour/file"), "beside the workspace"},
		"says nothing": {builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			ws.Log = nil
			return scripted("true")(ctx, ws)
		}), "said nothing"},
		"swallows errors": {builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			out, _ := scripted("true")(ctx, ws)
			return out, nil
		}), "want the command's error"},
		"never hears": {builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			return scripted("true")(context.WithoutCancel(ctx), ws)
		}), "ended context succeeds"},
		"ships nothing": {builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			return build.Output{Dir: "none"}, ws.Run(ctx, sh("true"))
		}), "no artifact"},
		"leaves a process": {builderFunc(leavesProcess), "left running: sleep 31"},
		"has state of its own": {builderFunc(func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			n.Add(1)
			return build.Output{Dir: "out"}, errors.Join(ws.Run(ctx, sh("mkdir out")), os.WriteFile(filepath.Join(ws.Dir, "out/n"), []byte{byte(n.Load())}, 0o644))
		}), "differ in: n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			complaints := record(t, func(r reporter) { builderSuite(r, place(f.builder)) })
			require.Contains(t, strings.Join(complaints, "\n"), f.complain)
		})
	}
}

// leavesProcess starts a process past the Runner and leaves it.
func leavesProcess(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	cmd := exec.Command("sleep", "31")
	cmd.Dir = ws.Dir
	if err := cmd.Start(); err != nil {
		return build.Output{}, err
	}
	go func() {
		time.Sleep(15 * time.Second)
		cmd.Process.Kill()
		cmd.Wait()
	}()
	return scripted("sleep 0.2")(ctx, ws)
}
