package container_test

import (
	"bytes"
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
	"github.com/muster-deploy/muster/build/container"
)

// engine writes a program that takes what muster says to podman, notes it, and runs
// the command on this machine.
const engine = `#!/bin/sh
printf '%s\n' "$*" >>"$0.said"
case $1 in
ps) cat "$0.names" 2>/dev/null; exit 0 ;;
rm) exit 0 ;;
esac
shift
while [ "$1" != --entrypoint ]; do
	case $1 in
	--workdir) cd "$2" ;;
	esac
	shift
done
program=$2
shift 3
case "$program $1" in
"ruby --version") echo "ruby 3.2.2p53"; exit ;;
"node --version") echo "v18.0.0"; exit ;;
esac
exec "$program" "$@"
`

// fake returns a runner on the program, and what the program was told.
func fake(t *testing.T, c container.Config) (*container.Runner, func() string) {
	t.Helper()
	at := filepath.Join(t.TempDir(), "podman")
	require.NoError(t, os.WriteFile(at, []byte(engine), 0o755))
	c.Engine = at
	if c.Images == nil {
		c.Images = []container.Image{
			{Name: "old:1", Tools: []build.Tool{{Name: "ruby", Version: "2.7.8"}}},
			{Name: "new:1", Tools: []build.Tool{{Name: "ruby", Version: "3.2.2"}, {Name: "node", Version: "20.1.0"}}},
		}
	}
	r, err := container.New(c)
	require.NoError(t, err)
	return r, func() string {
		text, err := os.ReadFile(at + ".said")
		require.NoError(t, err)
		return string(text)
	}
}

func TestACommandRunsInTheImageThatHasItsTools(t *testing.T) {
	r, said := fake(t, container.Config{Env: map[string]string{"A": "1"}, MemoryBytes: 1 << 30, Processes: 100})
	dir, log := t.TempDir(), &bytes.Buffer{}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "sub"), 0o755))
	ruby := build.Tool{Name: "ruby", Version: "~> 3.2"}
	require.NoError(t, r.Run(t.Context(), dir, build.Command{Name: "pwd", Dir: "sub", Tools: []build.Tool{ruby}, Env: map[string]string{"B": "2"}}, log))
	assert.Equal(t, "in new:1:\n"+dir+"/sub\n", log.String())
	last := said()
	for _, want := range []string{
		" --volume " + dir + ":" + dir + " --workdir " + dir + "/sub --read-only ", " --cap-drop=ALL --security-opt=no-new-privileges ",
		" --network=none ", " --memory 1073741824 --pids-limit 100 --env A=1 --env B=2 --env HOME=/tmp --env LANG=C.UTF-8 --entrypoint pwd new:1\n",
	} {
		assert.Contains(t, last, want)
	}
	require.NoError(t, r.Run(t.Context(), dir, build.Command{Name: "true", Tools: []build.Tool{ruby}, Network: true}, log))
	assert.Contains(t, said(), " --network=host ")
	assert.Equal(t, 1, strings.Count(said(), "--entrypoint ruby new:1 --version"), "an image is asked once")
}

func TestACommandStaysInTheWorkspace(t *testing.T) {
	r, _ := fake(t, container.Config{})
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/", filepath.Join(dir, "out")))
	for at, want := range map[string]string{"out": "escapes", "out/tmp": "escapes", "nowhere": "no such file", "..": "not inside the workspace"} {
		require.ErrorContains(t, r.Run(t.Context(), dir, build.Command{Name: "true", Dir: at}, &bytes.Buffer{}), want)
	}
}

func TestAnImageThatIsMissingOrMislabelledIsSaidSo(t *testing.T) {
	r, _ := fake(t, container.Config{})
	var missing *container.ImageError
	err := r.Run(t.Context(), t.TempDir(), build.Command{Name: "true", Tools: []build.Tool{{Name: "ruby", Version: "3.3.0", File: ".ruby-version", Line: 1}}}, &bytes.Buffer{})
	require.ErrorAs(t, err, &missing)
	require.EqualError(t, err, "no image has ruby 3.3.0 (.ruby-version:1): old:1 has ruby 2.7.8, new:1 has ruby 3.2.2 and node 20.1.0; add one that does")
	err = r.Run(t.Context(), t.TempDir(), build.Command{Name: "true", Tools: []build.Tool{{Name: "node", Version: "20"}}}, &bytes.Buffer{})
	require.EqualError(t, err, "image new:1 is said to have node 20 and has 18.0.0: correct Images")
}

func TestLaw14_ASecretIsOnNoCommandLineOfTheEngine(t *testing.T) {
	r, said := fake(t, container.Config{})
	log := &bytes.Buffer{}
	c := build.Command{Name: "sh", Args: []string{"-c", `echo "$TOKEN"`}, Secrets: map[string]string{"TOKEN": "hunter2-hunter2"}}
	require.NoError(t, r.Run(t.Context(), t.TempDir(), c, log))
	assert.Contains(t, said(), " --env TOKEN ")
	assert.NotContains(t, said(), "hunter2")
	assert.Equal(t, "in old:1:\n"+build.Redacted+"\n", log.String())
}

func TestTheErrorIsThatOfTheCommand(t *testing.T) {
	r, said := fake(t, container.Config{})
	run := func(script string) *build.CommandError {
		err := r.Run(t.Context(), t.TempDir(), build.Command{Name: "sh", Args: []string{"-c", script}}, &bytes.Buffer{})
		var failed *build.CommandError
		require.ErrorAs(t, err, &failed)
		return failed
	}
	failed := run("echo broken; exit 3")
	assert.Equal(t, `sh -c "echo broken; exit 3"`, failed.Command)
	assert.Equal(t, 3, failed.Code)
	assert.Equal(t, "broken\n", failed.Output)
	assert.Contains(t, said(), "rm --force --volumes muster-")
	failed = run("exit 125")
	assert.Equal(t, -1, failed.Code)
	assert.ErrorContains(t, failed, "podman could not run it in old:1")
	assert.ErrorContains(t, run("exit 127"), `old:1 has no program "sh"`)
}

func TestACancelledCommandEndsWithItsContainer(t *testing.T) {
	r, said := fake(t, container.Config{Grace: time.Second})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	log := writer(func(p []byte) {
		if strings.Contains(string(p), "started") {
			cancel(stop)
		}
	})
	err := r.Run(ctx, t.TempDir(), build.Command{Name: "sh", Args: []string{"-c", "echo started; sleep 100"}}, log)
	require.ErrorIs(t, err, stop)
	assert.Contains(t, said(), "rm --force --volumes muster-")
}

// writer tells a function what is written.
type writer func([]byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

func TestNewRemovesWhatKilledDeployersLeft(t *testing.T) {
	at := filepath.Join(t.TempDir(), "podman")
	require.NoError(t, os.WriteFile(at, []byte(engine), 0o755))
	require.NoError(t, os.WriteFile(at+".names", []byte("muster-1-1-dead\nmuster-99999999-1-gone\nmuster-web\nother\n"), 0o644))
	_, err := container.New(container.Config{Engine: at, Images: []container.Image{{Name: "a:1"}}})
	require.NoError(t, err)
	text, err := os.ReadFile(at + ".said")
	require.NoError(t, err)
	assert.Contains(t, string(text), "rm --force --volumes muster-1-1-dead\n", "another process has that id now")
	assert.Contains(t, string(text), "rm --force --volumes muster-99999999-1-gone\n")
	assert.Equal(t, 2, strings.Count(string(text), "rm "), "what is not ours stays")
}

func TestNewComplainsAtOnce(t *testing.T) {
	_, err := container.New(container.Config{Engine: "/nowhere/podman", Processes: -1, Images: []container.Image{
		{Name: "--privileged"}, {Name: "ruby"}, {Name: "reg:5000/ruby:latest"}, {Name: "ruby@sha256:1", Tools: []build.Tool{{Name: "ruby"}}}}})
	for _, want := range []string{
		`"--privileged" is no name of an image`, "image ruby is another one tomorrow", "image reg:5000/ruby:latest is another one",
		"image ruby@sha256:1: a tool without name or version", "a number below zero", "/nowhere/podman",
	} {
		require.ErrorContains(t, err, want)
	}
}
