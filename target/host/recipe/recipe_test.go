package recipe_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/recipe"
)

// app is an artifact whose process writes what it was given, and stays until TERM, or
// through it.
func app(n string, stubborn bool) *build.Artifact {
	trap := "trap 'echo ended; kill $!; exit 0' TERM"
	if stubborn {
		trap = "trap : TERM"
	}
	return buildtest.Artifact(map[string]string{"app*": `#!/bin/sh
` + trap + `
echo "release ` + n + ` $MUSTER_ARTIFACT $PORT $SECRET $*"
while :; do sleep 1000 & wait; done
`})
}

type journey struct {
	root   string
	h      *host.Host
	number uint64
}

func newJourney(t *testing.T, p recipe.Process) *journey {
	t.Helper()
	for _, tool := range []string{"setsid", "flock", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("this machine is no host: %v", err)
		}
	}
	j := &journey{root: filepath.Join(t.TempDir(), "it's a root; $(false)")}
	require.NoError(t, os.MkdirAll(filepath.Join(j.root, "shared"), 0o755))
	var err error
	j.h, err = host.New(host.Config{
		Name: "a", Root: j.root, Transport: host.Exec{}, Restart: p.Words(),
		Probes: 1, Interval: 10 * time.Millisecond, Patience: 20 * time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		if pid := j.pid(t); pid > 0 {
			_ = syscall.Kill(-pid, syscall.SIGKILL)
		}
	})
	return j
}

func (j *journey) ship(t *testing.T, a *build.Artifact) error {
	j.number++
	o := target.Order{Number: j.number, Release: target.Release{ID: "1", Digest: a.Digest}}
	require.NoError(t, j.h.Prepare(t.Context(), o, a))
	return j.h.Activate(t.Context(), o)
}

func (j *journey) pid(t *testing.T) int {
	text, err := os.ReadFile(filepath.Join(j.root, "shared/process/pid"))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.Fields(string(text))[0])
	require.NoError(t, err)
	return pid
}

// says returns once the app's log holds a text.
func (j *journey) says(t *testing.T, text string) {
	t.Helper()
	var log []byte
	require.Eventually(t, func() bool {
		log, _ = os.ReadFile(filepath.Join(j.root, "shared/process/log"))
		return strings.Contains(string(log), text)
	}, time.Minute, 10*time.Millisecond, "%q is not in the log", text)
}

// ended says whether a process runs no more. Whoever is its parent may not know yet.
func ended(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		require.ErrorIs(t, syscall.Kill(pid, 0), syscall.ESRCH)
		return true
	}
	return strings.Contains(string(stat), ") Z ")
}

func TestProcessIsReplacedAndTakesItsSettingsFromAFile(t *testing.T) {
	t.Parallel()
	j := newJourney(t, recipe.Process{Command: []string{"./app", "it's", "$x;"}, Settings: "env", Env: []string{"PORT=80 80"}})
	require.ErrorContains(t, j.ship(t, app("0", false)), "shared/env cannot be read")
	secret := `a 'b' "c" $(touch /tmp/never) \ #d=e`
	require.NoError(t, os.WriteFile(filepath.Join(j.root, "shared/env"), []byte("# settings\n\nSECRET="+secret), 0o600))
	one, two := app("1", false), app("2", false)
	require.NoError(t, j.ship(t, one))
	j.says(t, "release 1 "+one.Digest+" 80 80 "+secret+" it's $x;")
	first := j.pid(t)
	require.NoError(t, j.ship(t, two))
	j.says(t, "release 2 "+two.Digest)
	j.says(t, "ended")
	require.True(t, ended(t, first), "the old process")
}

func TestProcessThatDoesNotEndIsKilled(t *testing.T) {
	t.Parallel()
	j := newJourney(t, recipe.Process{Command: []string{"./app"}, Grace: time.Second})
	require.NoError(t, j.ship(t, app("1", true)))
	j.says(t, "release 1")
	first := j.pid(t)
	require.NoError(t, j.ship(t, app("2", true)))
	require.True(t, ended(t, first))
	require.NotEqual(t, first, j.pid(t))
}

func TestProcessWhoseParentDoesNotNoticeItsEndIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	j := newJourney(t, recipe.Process{Command: []string{"./app"}})
	old := exec.Command("sleep", "1000")
	old.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, old.Start())
	defer func() { _ = old.Process.Kill(); _ = old.Wait() }()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(old.Process.Pid) + "/stat")
	require.NoError(t, err)
	_, fields, _ := strings.Cut(string(stat), ") ")
	born := strings.Fields(fields)[19]
	require.NoError(t, os.MkdirAll(filepath.Join(j.root, "shared/process"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(j.root, "shared/process/pid"), fmt.Appendf(nil, "%d %s\n", old.Process.Pid, born), 0o600))
	require.NoError(t, j.ship(t, app("1", false)))
	require.True(t, ended(t, old.Process.Pid))
	j.says(t, "release 1")
}

func TestAnotherProcessOfTheSameNumberIsLeftAlone(t *testing.T) {
	t.Parallel()
	j := newJourney(t, recipe.Process{Command: []string{"./app"}})
	other := exec.Command("sleep", "1000")
	other.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, other.Start())
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	require.NoError(t, os.MkdirAll(filepath.Join(j.root, "shared/process"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(j.root, "shared/process/pid"), []byte(strconv.Itoa(other.Process.Pid)+" 1\n"), 0o600))
	require.NoError(t, j.ship(t, app("1", false)))
	require.NoError(t, other.Process.Signal(syscall.Signal(0)))
	j.says(t, "release 1")
}

func TestSettingsThatAreNoneAreRefused(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{"a command": "touch /tmp/never", "a name": "A-B=c", "none": "=x"} {
		j := newJourney(t, recipe.Process{Command: []string{"./app"}, Settings: "env"})
		require.NoError(t, os.WriteFile(filepath.Join(j.root, "shared/env"), []byte("A=b\n"+line+"\n"), 0o600))
		require.ErrorContains(t, j.ship(t, app("1", false)), "no NAME=VALUE", name)
	}
}

func TestCommandIsRunWithTheSettings(t *testing.T) {
	t.Parallel()
	j := newJourney(t, recipe.Process{Command: []string{"./app"}})
	a := app("1", false)
	o := target.Order{Number: 1, Release: target.Release{ID: "1", Digest: a.Digest}}
	require.NoError(t, j.h.Prepare(t.Context(), o, a))
	require.NoError(t, os.WriteFile(filepath.Join(j.root, "shared/env"), []byte("SECRET=it's $(x)\n"), 0o600))
	var log strings.Builder
	words := recipe.With("env", "sh", "-c", `echo "migrates $SECRET $1 $MUSTER_ARTIFACT"`, "sh", "a b;")
	require.NoError(t, j.h.Command(t.Context(), o.Release, &log, words...))
	require.Equal(t, "migrates it's $(x) a b; "+a.Digest+"\n", log.String())
	require.ErrorContains(t, j.h.Command(t.Context(), o.Release, nil, recipe.With("none", "true")...), "put it there first")
}

func TestLineOfAProcfileIsRun(t *testing.T) {
	t.Parallel()
	for name, says := range map[string]string{"web": "runs it's 1 web\n", "job": "the Procfile has no job\n", "none": "the Procfile has no none\n"} {
		words := recipe.Procfile(name)
		c := exec.Command(words[0], words[1:]...)
		c.Dir, c.Env = t.TempDir(), append(os.Environ(), "PORT=1")
		require.NoError(t, os.WriteFile(filepath.Join(c.Dir, "Procfile"), []byte("job:\nweb:  echo \"runs it's\" $PORT web\n"), 0o644))
		out, err := c.CombinedOutput()
		require.Equal(t, name == "web", err == nil)
		require.Equal(t, says, string(out))
	}
}

// A cluster has a master, and workers that it replaces by USR1; puma is one. Here they end
// only once they are let go.
const cluster = `#!/bin/sh
worker() { sh -c 'trap "until [ -e \"\$0.go\" ]; do sleep 0.1; done; exit 0" TERM; while :; do sleep 0.1; done' "$1" & }
printf %s $$ >"$1" # without an end of line, as puma does
worker "$1"; one=$!; worker "$1"; two=$!
trap 'kill $one; worker "$1"; one=$!; kill $two; worker "$1"; two=$!' USR1
trap 'kill $one $two; exit 0' TERM
while :; do wait; done
`

func TestPhasedRestartEndsWhenTheLastOldWorkerHasGone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pidfile := filepath.Join(dir, "it's a pid")
	words := recipe.Puma{Pidfile: pidfile, Limit: 20 * time.Second}.Phased()
	out, err := exec.Command(words[0], words[1:]...).CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "no puma runs")

	start := recipe.Puma{Pidfile: pidfile, Start: []string{"echo", "it's started"}}.Phased()
	out, err = exec.Command(start[0], start[1:]...).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "it's started\n", string(out))

	stranger := exec.Command("sleep", "60")
	require.NoError(t, stranger.Start())
	require.NoError(t, os.WriteFile(pidfile, []byte(strconv.Itoa(stranger.Process.Pid)), 0o600))
	out, err = exec.Command(start[0], start[1:]...).CombinedOutput()
	require.NoError(t, err)
	require.Equal(t, "it's started\n", string(out), "who has the number of a puma that is gone is none")
	require.NoError(t, stranger.Process.Signal(syscall.Signal(0)))
	require.NoError(t, stranger.Process.Kill())
	require.Error(t, stranger.Wait())
	require.NoError(t, os.Remove(pidfile))

	require.NoError(t, os.WriteFile(filepath.Join(dir, "puma"), []byte(cluster), 0o755))
	c := exec.Command(filepath.Join(dir, "puma"), pidfile)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, c.Start())
	defer func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL); _ = c.Wait() }()
	require.Eventually(t, func() bool { return len(children(t, c.Process.Pid)) == 2 }, time.Minute, 10*time.Millisecond)
	old := children(t, c.Process.Pid)
	// The old workers go when it has looked for them twice.
	shim := "#!/bin/sh\necho >>\"$0.calls\"\n[ \"$(wc -l <\"$0.calls\")\" -lt 3 ] || : >'" + strings.ReplaceAll(pidfile, "'", `'\''`) + ".go'\nPATH=${PATH#*:} exec uniq \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "uniq"), []byte(shim), 0o755))
	restart := exec.Command(words[0], words[1:]...)
	restart.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
	out, err = restart.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.FileExists(t, pidfile+".go", "it has ended, and the old workers have not")
	now := children(t, c.Process.Pid)
	require.Len(t, now, 2)
	for _, pid := range now {
		require.NotContains(t, old, pid)
	}
}

// children lists the processes that a process has started, and that run.
func children(t *testing.T, of int) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(of), "task", strconv.Itoa(of), "children"))
	require.NoError(t, err)
	return strings.Fields(string(text))
}

func TestQuotedSettingsAreReadAsTheyAre(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	release := filepath.Join(dir, "releases", "a")
	require.NoError(t, os.MkdirAll(release, 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "shared"), 0o755))
	text := "# quoted by muster\nSECRET=\"it's; \\$(false) \\\"two\\\"\nlines \\\\\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "shared", "env"), []byte(text), 0o600))
	words := recipe.With("env", "sh", "-c", `printf %s. "$SECRET"`)
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Dir = release
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Equal(t, "it's; $(false) \"two\"\nlines \\.", string(out))
}
