package build_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
)

func sh(script string) build.Command {
	return build.Command{Name: "sh", Args: []string{"-c", script}}
}

func runLocal(t *testing.T, l *build.Local, c build.Command) (string, error) {
	t.Helper()
	var log bytes.Buffer
	err := l.Run(t.Context(), t.TempDir(), c, &log)
	return log.String(), err
}

// alive says whether a process runs: a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return false
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	return fields[0] != "Z" && fields[0] != "X"
}

// pidIn reads a process id that a command wrote.
func pidIn(t *testing.T, file string) int {
	t.Helper()
	b, err := os.ReadFile(file)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	return pid
}

func TestACommandSeesAllowedVariablesOnly(t *testing.T) {
	t.Setenv("MY_TOKEN", "leak")
	t.Setenv("MY_PROXY", "proxy")
	c := sh("env; cat; pwd")
	c.Env = map[string]string{"A": "1"}
	log, err := runLocal(t, &build.Local{Allow: []string{"MY_PROXY"}}, c)
	require.NoError(t, err)
	require.NotContains(t, log, "leak")
	require.Contains(t, log, "MY_PROXY=proxy\n")
	require.Contains(t, log, "A=1\n")
}

func TestAFailedCommandIsNamedWithItsCodeAndTheEndOfItsOutput(t *testing.T) {
	_, err := runLocal(t, &build.Local{}, sh("echo fine; echo broken >&2; exit 3"))
	var failed *build.CommandError
	require.ErrorAs(t, err, &failed)
	require.Equal(t, 3, failed.Code)
	require.Equal(t, "fine\nbroken\n", failed.Output)
	require.ErrorContains(t, err, `run sh -c "echo fine`)

	_, err = runLocal(t, &build.Local{}, build.Command{Name: "no-such-program"})
	require.ErrorContains(t, err, "not on the PATH")
}

func TestACommandThatPrintsAGigabyteIsCappedInTheLogAndKeepsItsEnd(t *testing.T) {
	var log countingWriter
	c := sh("head -c 1073741824 /dev/zero; echo; echo the end; exit 1")
	before := allocated()
	err := (&build.Local{LogLimit: 1000}).Run(t.Context(), t.TempDir(), c, &log)
	require.ErrorContains(t, err, "the end")
	require.Less(t, log.n, 1200)
	require.Contains(t, log.last, "not logged")
	require.Less(t, allocated()-before, uint64(64<<20), "memory")
}

type countingWriter struct {
	n    int
	last string
}

func (c *countingWriter) Write(p []byte) (int, error) {
	c.n, c.last = c.n+len(p), string(p)
	return len(p), nil
}

func TestACommandThatNeverEndsIsStoppedWithItsGroup(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]build.Command{
		"wall":               {Timeout: 200 * time.Millisecond, Args: []string{"-c", "while :; do echo x; sleep 0.01; done"}},
		"idle":               {Idle: 200 * time.Millisecond, Args: []string{"-c", "echo once; sleep 1000 & echo $! >pid; wait"}},
		"deaf to SIGTERM":    {Timeout: 200 * time.Millisecond, Args: []string{"-c", "trap '' TERM; while :; do echo x; sleep 0.01; done"}},
		"with a deaf helper": {Timeout: 200 * time.Millisecond, Args: []string{"-c", "(trap '' TERM; sleep 1000) & echo $! >pid; wait"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			c.Name = "sh"
			began := time.Now()
			err := (&build.Local{Grace: 100 * time.Millisecond}).Run(t.Context(), dir, c, nil)
			require.Error(t, err)
			require.True(t, errors.Is(err, build.ErrTimeout) || errors.Is(err, build.ErrIdle))
			require.Less(t, time.Since(began), time.Minute)
			if _, err := os.Stat(filepath.Join(dir, "pid")); err == nil {
				require.False(t, alive(pidIn(t, filepath.Join(dir, "pid"))))
			}
		})
	}
}

func TestADaemonThatHoldsTheOutputIsReportedAndKilled(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"in the group":            "sleep 1000 & echo $! >pid",
		"without an environment":  "env -i \"$(command -v sleep)\" 1000 & echo $! >pid",
		"in a session of its own": "setsid sh -c 'echo $$ >pid; exec sleep 1000' & while ! test -s pid; do sleep 0.01; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			err := (&build.Local{}).Run(t.Context(), dir, sh(script), nil)
			require.ErrorIs(t, err, build.ErrDaemon)
			require.False(t, alive(pidIn(t, filepath.Join(dir, "pid"))))
		})
	}
}

func TestADaemonThatHoldsNothingIsKilledAllTheSame(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var log bytes.Buffer
	err := (&build.Local{}).Run(t.Context(), dir,
		sh("setsid sh -c 'echo $$ >pid; exec sleep 1000' >/dev/null 2>&1 </dev/null & while ! test -s pid; do sleep 0.01; done"), &log)
	require.NoError(t, err)
	require.False(t, alive(pidIn(t, filepath.Join(dir, "pid"))))
	require.Contains(t, log.String(), "left running were killed")
}

func TestACancelledCommandLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	log := &trigger{word: "ready", f: func() { cancel(errors.New("superseded")) }}
	err := (&build.Local{Grace: time.Second}).Run(ctx, dir, sh("sleep 1000 & echo $! >pid; echo ready; wait"), log)
	require.ErrorContains(t, err, "superseded")
	require.False(t, alive(pidIn(t, filepath.Join(dir, "pid"))))
}

// trigger calls f when a word is written.
type trigger struct {
	word string
	f    func()
	once sync.Once
}

func (g *trigger) Write(p []byte) (int, error) {
	if strings.Contains(string(p), g.word) {
		g.once.Do(g.f)
	}
	return len(p), nil
}

func TestACommandStaysInTheWorkspace(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/", filepath.Join(dir, "out")))
	for _, bad := range []string{"..", "/tmp", "a/../..", "out"} {
		c := sh("true")
		c.Dir = bad
		require.Error(t, (&build.Local{}).Run(t.Context(), dir, c, nil), bad)
	}
}

func TestAToolOfAnotherVersionIsNamed(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "ruby")
	require.NoError(t, os.WriteFile(tool, []byte("#!/bin/sh\necho ruby 3.1.2p20 '(2022-04-12 revision 4491bb740a)'\n"), 0o755))
	l := &build.Local{Env: map[string]string{"PATH": dir + ":" + os.Getenv("PATH")}}
	want := func(version string) build.Command {
		c := sh("true")
		c.Tools = []build.Tool{{Name: "ruby", Version: version, File: ".ruby-version", Line: 1}}
		return c
	}
	for _, ok := range []string{"3.1.2", "3.1", "3", ""} {
		_, err := runLocal(t, l, want(ok))
		require.NoError(t, err, ok)
	}
	_, err := runLocal(t, l, want("3.2.2"))
	require.ErrorContains(t, err, "the app wants ruby 3.2.2 (.ruby-version:1), this machine has 3.1.2")
	_, err = runLocal(t, l, want("3.1.22"))
	require.Error(t, err)
	_, err = runLocal(t, l, want("latest"))
	require.ErrorContains(t, err, "name a version")
	c := sh("true")
	c.Tools = []build.Tool{{Name: "no-such-tool", Version: "1"}}
	_, err = runLocal(t, l, c)
	require.ErrorContains(t, err, "has none")
}

func TestAPreReleaseOfAToolIsNotTakenForItsRelease(t *testing.T) {
	bin := t.TempDir()
	l := &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}}
	c := sh("true")
	for said, have := range map[string]string{
		"ruby 3.4.0preview2 (2024-10-07 master)": "3.4.0preview2", "v3.4.0-rc.1": "3.4.0-rc.1", "gizmo 3.4.0.": "3.4.0", "gizmo 3.4.0-ubuntu": "3.4.0",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(bin, "gizmo"), []byte("#!/bin/sh\necho '"+said+"'\n"), 0o755))
		c.Tools = []build.Tool{{Name: "gizmo", Version: "9"}}
		require.ErrorContains(t, l.Run(t.Context(), t.TempDir(), c, nil), "has "+have+":")
	}
}

func TestAToolIsAskedForItsVersionOncePerDirectory(t *testing.T) {
	bin := t.TempDir()
	tool := filepath.Join(bin, "gizmo")
	require.NoError(t, os.WriteFile(tool, []byte("#!/bin/sh\necho asked >>\"$0.asked\"\necho gizmo ${RUBY:-3.1.2}\n"), 0o755))
	l := &build.Local{Env: map[string]string{"PATH": bin + ":" + os.Getenv("PATH")}}
	c := sh("true")
	c.Tools = []build.Tool{{Name: "gizmo", Version: "3.1"}}
	one, two := t.TempDir(), t.TempDir()
	for _, dir := range []string{one, one, two, one} {
		require.NoError(t, l.Run(t.Context(), dir, c, nil))
	}
	text, err := os.ReadFile(tool + ".asked")
	require.NoError(t, err)
	require.Equal(t, "asked\nasked\n", string(text))
	c.Env = map[string]string{"RUBY": "3.3.0"}
	require.ErrorContains(t, l.Run(t.Context(), one, c, nil), "this machine has 3.3.0", "another environment")
	require.NoError(t, os.Remove(tool))
	require.Error(t, l.Run(t.Context(), t.TempDir(), c, nil), "a tool that is not there is asked for again")
	require.NoError(t, os.WriteFile(tool, []byte("#!/bin/sh\necho gizmo 3.1.9\n"), 0o755))
	c.Env = nil
	require.NoError(t, l.Run(t.Context(), t.TempDir(), c, nil))
}

func TestLaw14_ASecretReachesNoLogErrorOrCommandLine(t *testing.T) {
	const value = "hunter2-hunter2"
	c := sh(`printf %s "$TOKEN"; printf '%.5s' "$TOKEN"; sleep 0.05; printf '%s\n' "${TOKEN#?????}"; echo "$TOKEN" >&2; exit 1`)
	c.Secrets = map[string]string{"TOKEN": value}
	log, err := runLocal(t, &build.Local{}, c)
	require.Error(t, err)
	require.NotContains(t, log, value)
	require.NotContains(t, err.Error(), value)
	require.Contains(t, log, build.Redacted)

	c.Args = append(c.Args, "--token="+value)
	_, err = runLocal(t, &build.Local{}, c)
	require.ErrorContains(t, err, "command line")
	require.ErrorContains(t, err, "TOKEN")
	require.NotContains(t, err.Error(), value)

	c.Name, c.Args = "./"+value, nil
	_, err = runLocal(t, &build.Local{}, c)
	require.ErrorContains(t, err, "command line")
	require.NotContains(t, err.Error(), value)
}

func TestLaw14_AWorkspaceLogsNoSecretThatItHasSeen(t *testing.T) {
	const value = "hunter2-hunter2"
	var log bytes.Buffer
	ws := &build.Workspace{Dir: t.TempDir(), Log: &log, Runner: &buildtest.Runner{}}
	c := sh("true")
	c.Secrets = map[string]string{"TOKEN": value}
	require.NoError(t, ws.Run(t.Context(), c))
	ws.Logf("the token is %s", value)
	require.NoError(t, ws.Run(t.Context(), sh("use "+value)), "a command that was not told that it is a secret")
	c.Args = []string{value}
	require.Error(t, ws.Run(t.Context(), c))
	require.NotContains(t, log.String(), value)
	require.Contains(t, log.String(), "the token is "+build.Redacted)
}

func TestLaw14_ASecretInTheOutputOfABuildFailsIt(t *testing.T) {
	ws := &build.Workspace{Dir: t.TempDir()}
	c := sh(`mkdir out; head -c 262140 /dev/zero >out/app; printf %s "$TOKEN" >>out/app`)
	c.Secrets = map[string]string{"TOKEN": "hunter2-hunter2"}
	require.NoError(t, ws.Run(t.Context(), c))
	_, err := ws.Record(t.Context(), build.Output{Dir: "out"}, build.Limits{})
	require.ErrorContains(t, err, "app holds the value of the secret TOKEN")
	require.NotContains(t, err.Error(), "hunter2")
}

func TestARunThatWasSignalledSaysSo(t *testing.T) {
	_, err := runLocal(t, &build.Local{}, sh("kill -9 $$"))
	require.ErrorContains(t, err, syscall.SIGKILL.String())
}
