package host_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// journey gives orders to one host, as a pipeline does.
type journey struct {
	*testing.T
	*place
	h      *host.Host
	number uint64
}

func newJourney(t *testing.T, change func(*host.Config)) *journey {
	t.Helper()
	needTools(t)
	j := &journey{T: t, place: newPlace(t.TempDir())}
	j.change = change
	j.reopen()
	return j
}

func (j *journey) reopen() {
	j.Helper()
	h, err := host.New(j.config())
	require.NoError(j, err)
	j.h = h
}

// beside is another deployer's way to this host, whose scripts run in env.
func (j *journey) beside(env []string) *host.Host {
	j.Helper()
	other := *j.place
	other.transport = &transport{Exec: host.Exec{Env: env}}
	h, err := host.New(other.config())
	require.NoError(j, err)
	return h
}

func (j *journey) order(a *build.Artifact) target.Order {
	j.number += 10
	return target.Order{Number: j.number, Epoch: 1, Intent: target.Forward, Release: target.Release{ID: "r", Digest: a.Digest}}
}

func (j *journey) prepare(a *build.Artifact) error { return j.h.Prepare(j.Context(), j.order(a), a) }

func (j *journey) activate(a *build.Artifact) error { return j.h.Activate(j.Context(), j.order(a)) }

func (j *journey) ship(a *build.Artifact) {
	j.Helper()
	require.NoError(j, j.prepare(a))
	require.NoError(j, j.activate(a))
}

func (j *journey) unit() target.Unit {
	j.Helper()
	s, err := j.h.Observe(context.WithoutCancel(j.Context()), target.Order{})
	require.NoError(j, err)
	require.Len(j, s.Units, 1)
	return s.Units[0]
}

// serves wants a to be live, healthy, and what was restarted last.
func (j *journey) serves(a *build.Artifact) {
	j.Helper()
	u := j.unit()
	require.Equal(j, target.Serving, u.Condition, u.Problem)
	require.Equal(j, a.Digest, u.Digest)
	require.Equal(j, a.Digest, j.place.live(j.T))
	all := j.place.restarts(j.T)
	require.Contains(j, all[len(all)-1], a.Digest, "what runs is what was restarted last")
}

// failure wants err to be a Failure.
func (j *journey) failure(err error) *host.Failure {
	j.Helper()
	var f *host.Failure
	require.ErrorAs(j, err, &f)
	var u *target.UnitError
	require.ErrorAs(j, err, &u)
	require.Equal(j, "web 1", u.Unit)
	require.Equal(j, "web 1", f.Host)
	return f
}

// shells are those of this machine that a host may have for its sh.
func shells(t *testing.T) map[string]string {
	found := map[string]string{}
	for _, name := range []string{"dash", "bash", "busybox"} {
		path, err := exec.LookPath(name)
		if err != nil {
			t.Logf("not asked: %v", err)
			continue
		}
		found[name] = path
		if name == "busybox" { // it is what its name is
			found[name] = filepath.Join(t.TempDir(), "sh")
			require.NoError(t, os.Symlink(path, found[name]))
		}
	}
	return found
}

func TestEveryShellTakesAHostThroughAWholeLife(t *testing.T) {
	t.Parallel()
	for name, path := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j := newJourney(t, nil)
			j.transport.Shell = path
			require.Equal(t, target.Vacant, j.unit().Condition)
			require.ErrorIs(t, j.activate(artifact(1)), target.ErrUnprepared)
			j.ship(artifact(1))
			j.ship(artifact(2))
			j.serves(artifact(2))
			j.sicken(t, artifact(3))
			require.NoError(t, j.prepare(artifact(3)))
			require.Equal(t, host.Done, j.failure(j.activate(artifact(3))).Back)
			j.serves(artifact(2))
			require.NoError(t, j.activate(artifact(1)))
			j.serves(artifact(1))
		})
	}
}

func TestRestartRunsInsideTheReleaseAndIsToldItsName(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	dir, err := filepath.EvalSymlinks(j.link())
	require.NoError(t, err)
	require.Equal(t, []string{"it's; $x " + artifact(1).Digest + " " + dir}, j.restarts(t))
}

func TestFailedReleasePutsBackWhatServed(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	j.sicken(t, artifact(2))
	require.NoError(t, j.prepare(artifact(2)))
	f := j.failure(j.activate(artifact(2)))
	require.Equal(t, "confirm", f.Phase)
	require.Equal(t, host.Done, f.Back)
	require.Contains(t, f.Output, "the check command says no")
	j.serves(artifact(1))
	require.Len(t, j.restarts(t), 3)
}

func TestFirstReleaseThatFailsStaysUnhealthy(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.sicken(t, artifact(1))
	require.NoError(t, j.prepare(artifact(1)))
	require.Equal(t, host.Nothing, j.failure(j.activate(artifact(1))).Back)
	u := j.unit()
	require.Equal(t, target.Unhealthy, u.Condition)
	require.NotEmpty(t, u.Problem)
	j.ship(artifact(2))
	j.serves(artifact(2))
}

func TestRestartThatHangsIsEnded(t *testing.T) {
	t.Parallel()
	j := newJourney(t, func(c *host.Config) {
		c.RestartLimit = 1
		c.Restart = append([]string{"sh", "-c", `grep -q "$MUSTER_ARTIFACT" "$0.hang" 2>/dev/null && { sleep 1000 & wait; }; ` + c.Restart[2]}, c.Restart[3:]...)
	})
	j.ship(artifact(1))
	require.NoError(t, os.WriteFile(j.root+".restarts.hang", []byte(artifact(2).Digest), 0o600))
	require.NoError(t, j.prepare(artifact(2)))
	f := j.failure(j.activate(artifact(2)))
	require.Equal(t, "restart", f.Phase)
	require.Equal(t, host.Done, f.Back)
	require.Contains(t, f.Output, "did not end within 1 s")
	j.serves(artifact(1))
}

func TestCommandDeliveredTwiceGivesItsFirstAnswer(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	require.NoError(t, j.prepare(artifact(2)))
	var late host.Call
	j.transport.before = func(c host.Call) host.Call { late = c; return c }
	j.sicken(t, artifact(2))
	first := j.failure(j.activate(artifact(2)))
	require.NoError(t, os.Remove(j.root+".sick")) // now it would succeed
	restarts := j.restarts(t)
	var again lines
	late.Stdout, late.Stderr = &again, &again
	require.NoError(t, j.transport.Exec.Run(t.Context(), late))
	require.Contains(t, again.String(), "failed phase="+first.Phase+" back=done end")
	require.Equal(t, restarts, j.restarts(t))
	j.serves(artifact(1))
}

func TestRetireKeepsWhatALaterOrderPreparedOrAProcessRunsFrom(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	for n := 1; n <= 5; n++ {
		require.NoError(t, j.prepare(artifact(n)))
	}
	require.NoError(t, j.activate(artifact(1)))
	require.NoError(t, j.activate(artifact(2)))
	inUse := exec.Command("sleep", "1000")
	inUse.Dir = j.dir(artifact(4))
	require.NoError(t, inUse.Start())
	t.Cleanup(func() { _ = inUse.Process.Kill(); _ = inUse.Wait() })
	o := j.order(artifact(3))
	o.Keep = []string{}
	ahead := o
	ahead.Number, ahead.Release.Digest = o.Number+5, artifact(6).Digest
	require.NoError(t, j.h.Prepare(t.Context(), ahead, artifact(6)))
	require.NoError(t, j.h.Activate(t.Context(), o))
	for n, kept := range map[int]bool{1: false, 2: true, 3: true, 4: true, 5: false, 6: true} {
		_, err := os.Stat(j.dir(artifact(n)))
		require.Equal(t, kept, err == nil, "release %d", n)
	}
}

func (j *journey) dir(a *build.Artifact) string {
	return filepath.Join(j.root, "releases", a.Digest[len("sha256:"):])
}
