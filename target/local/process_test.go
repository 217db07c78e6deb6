package local_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/local"
)

func TestAppThatCrashesIsStartedAgain(t *testing.T) {
	t.Parallel()
	c := start(t, config(t, 1))
	require.NoError(t, c.ship(artifact(1, "ok")))
	first := <-c.births
	require.NoError(t, syscall.Kill(first.pid, syscall.SIGKILL))
	again := <-c.births
	require.NotEqual(t, first.pid, again.pid)
	require.Equal(t, first.parent, again.parent, "the supervisor is the same")
	require.Equal(t, artifact(1, "ok").Digest, again.digest)
	c.serves(artifact(1, "ok"))
}

func TestSupervisorLivesInASessionOfItsOwn(t *testing.T) {
	t.Parallel()
	c := start(t, config(t, 1))
	require.NoError(t, c.ship(artifact(1, "ok")))
	b := <-c.births
	group, err := syscall.Getpgid(b.pid)
	require.NoError(t, err)
	require.Equal(t, b.parent, group)
	ours, err := syscall.Getpgid(0)
	require.NoError(t, err)
	require.NotEqual(t, ours, group)
}

func TestActivateReplacesAnAppWhoseSupervisorIsDead(t *testing.T) {
	t.Parallel()
	c := start(t, config(t, 1))
	require.NoError(t, c.ship(artifact(1, "ok")))
	require.NoError(t, syscall.Kill((<-c.births).parent, syscall.SIGKILL))
	require.NoError(t, c.ship(artifact(2, "ok")))
	c.serves(artifact(2, "ok"))
}

func TestBrokenReleaseIsPutBack(t *testing.T) {
	t.Parallel()
	for _, behaviour := range []string{"crash", "sick", "anonymous"} {
		t.Run(behaviour, func(t *testing.T) {
			t.Parallel()
			conf := config(t, 1)
			// The release that is put back has no more patience than the broken one.
			conf.Patience, conf.Interval = 6*time.Second, 200*time.Millisecond
			c := start(t, conf)
			require.NoError(t, c.ship(artifact(1, "ok")))
			var unit *target.UnitError
			require.ErrorAs(t, c.ship(artifact(2, behaviour)), &unit)
			require.Equal(t, "h1", unit.Unit)
			c.serves(artifact(1, "ok"))
		})
	}
}

func TestStopEndsAllProcesses(t *testing.T) {
	t.Parallel()
	conf := config(t, 2)
	c := start(t, conf)
	require.NoError(t, c.Stop(t.Context()), "nothing runs yet")
	require.NoError(t, c.ship(artifact(1, "ok")))
	require.NoError(t, c.Stop(t.Context()))
	for _, h := range conf.Hosts {
		gone(t, h.Port)
		requireFree(t, filepath.Join(conf.Dir, h.Name, "supervisor", "lock"))
	}
	for _, u := range c.units() {
		require.Equal(t, target.Unhealthy, u.Condition)
		require.Equal(t, artifact(1, "ok").Digest, u.Digest)
	}
	require.NoError(t, c.Activate(t.Context(), c.order(artifact(1, "ok"))))
	c.serves(artifact(1, "ok"))
}

// requireFree wants nobody to hold a lock: supervisors and apps do while they live.
func requireFree(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB))
}

func TestAppThatIgnoresTermIsKilledAfterItsGrace(t *testing.T) {
	t.Parallel()
	conf := config(t, 1)
	c := start(t, conf)
	require.NoError(t, c.ship(artifact(1, "stubborn")))
	require.NoError(t, c.ship(artifact(2, "ok")))
	c.serves(artifact(2, "ok"))
}

func TestAppGetsTheEnvironmentOfTheConfigAlone(t *testing.T) {
	conf := config(t, 1)
	t.Setenv("MUSTER_TEST_SECRET", "hunter2")
	c := start(t, conf)
	require.NoError(t, c.ship(artifact(1, "ok")))
	pid := (<-c.births).pid
	env, err := os.ReadFile("/proc/" + itoa(pid) + "/environ")
	require.NoError(t, err)
	require.NotContains(t, string(env), "hunter2")
	words, err := os.ReadFile("/proc/" + itoa(pid) + "/cmdline")
	require.NoError(t, err)
	require.True(t, strings.HasSuffix(string(words), "\x00it's; $x\x00"), "%q", words)
}

func TestConfigComplainsOfAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := local.New(local.Config{Dir: "relative", Hosts: []local.Host{{Name: "../x", Port: 0}, {Name: "b", Port: 1}, {Name: "b", Port: 1}}})
	require.Error(t, err)
	for _, complaint := range []string{`Dir is "relative"`, "Command is empty", `name "../x"`, "port 0", `"b" twice`, "port 1 twice"} {
		require.ErrorContains(t, err, complaint)
	}
}
