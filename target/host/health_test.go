package host_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// needClient skips where nothing can ask a URL.
func needClient(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("curl"); err == nil {
		return
	}
	if _, err := exec.LookPath("wget"); err != nil {
		t.Skipf("neither curl nor wget: %v", err)
	}
}

// app answers health checks as the test says.
type app struct {
	j      *journey
	names  atomic.Pointer[build.Artifact] // nil: whatever is live
	silent atomic.Bool                    // names nothing
	status atomic.Int64
}

func (a *app) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	link, _ := os.Readlink(a.j.link())
	digest := "sha256:" + filepath.Base(link)
	if old := a.names.Load(); old != nil {
		digest = old.Digest
	}
	if !a.silent.Load() {
		w.Header().Set("Muster-Artifact", digest)
	}
	w.WriteHeader(int(a.status.Load()))
}

func newApp(t *testing.T, change func(*host.Config)) (*journey, *app) {
	t.Helper()
	needClient(t)
	a := &app{}
	a.status.Store(200)
	s := httptest.NewServer(a)
	t.Cleanup(s.Close)
	a.j = newJourney(t, func(c *host.Config) {
		c.Check, c.URL = nil, s.URL+"/up?a=1&b='$(x)'"
		if change != nil {
			change(c)
		}
	})
	return a.j, a
}

func TestHealthAnsweredByTheOldReleaseDoesNotConfirm(t *testing.T) {
	t.Parallel()
	j, a := newApp(t, nil)
	j.ship(artifact(1))
	a.names.Store(artifact(1)) // it never restarts
	require.NoError(t, j.prepare(artifact(2)))
	f := j.failure(j.activate(artifact(2)))
	require.Equal(t, "confirm", f.Phase)
	require.Equal(t, host.Done, f.Back)
	require.Contains(t, f.Output, "answered by "+artifact(1).Digest)
	j.serves(artifact(1))
}

func TestHealthAnsweredByWgetIsAsGood(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("wget"); err != nil {
		t.Skipf("not asked: %v", err)
	}
	j, a := newApp(t, nil)
	j.transport.Env = lacking(t, "curl")
	j.ship(artifact(1))
	j.serves(artifact(1))
	a.status.Store(500)
	require.Contains(t, j.unit().Problem, "got 500")
}

func TestUnhealthyAppIsRestartedByConvergence(t *testing.T) {
	t.Parallel()
	j, a := newApp(t, func(c *host.Config) {
		c.Restart = append([]string{"sh", "-c", c.Restart[2] + `; rm -f "$0.down"`}, c.Restart[3:]...)
	})
	j.ship(artifact(1))
	a.status.Store(503)
	u := j.unit()
	require.Equal(t, target.Unhealthy, u.Condition)
	require.Contains(t, u.Problem, "got 503")
	require.Equal(t, host.Nothing, j.failure(j.activate(artifact(1))).Back)
	a.status.Store(200)
	require.NoError(t, j.activate(artifact(1)))
	require.Len(t, j.restarts(t), 3)
	j.serves(artifact(1))
}

func TestAnswerWithoutANameNeedsAProcessInsideTheRelease(t *testing.T) {
	t.Parallel()
	j, a := newApp(t, nil) // whose restart starts nothing
	a.silent.Store(true)
	require.NoError(t, j.prepare(artifact(1)))
	f := j.failure(j.activate(artifact(1)))
	require.Contains(t, f.Output, "no process that was started since the switch")
}

func TestWithoutHealthCheckAProcessInsideTheReleaseConfirms(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	j := newJourney(t, func(c *host.Config) {
		c.Check = nil
		c.Restart = []string{"sh", "-c", `[ -e "$0.stuck" ] || { setsid sleep 1000 & echo $! >>"$0"; }`, pidFile}
	})
	t.Cleanup(func() {
		text, _ := os.ReadFile(pidFile)
		for _, line := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(line)
			require.NoError(t, err)
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	j.ship(artifact(1))
	require.Equal(t, target.Serving, j.unit().Condition)
	require.NoError(t, os.WriteFile(pidFile+".stuck", nil, 0o600)) // what runs inside 1 is old from now on
	require.NoError(t, j.prepare(artifact(2)))
	f := j.failure(j.activate(artifact(2)))
	require.Equal(t, host.Failed, f.Back, "the old one was not restarted either")
}

func TestFilesBehindAWebServerNeedNoProcess(t *testing.T) {
	t.Parallel()
	j, a := newApp(t, func(c *host.Config) { c.Restart = nil })
	a.silent.Store(true)
	require.NoError(t, j.prepare(artifact(1)))
	require.NoError(t, j.activate(artifact(1)))
	require.Equal(t, target.Serving, j.unit().Condition)
}
