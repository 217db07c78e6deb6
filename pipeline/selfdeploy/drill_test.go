package selfdeploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/selfdeploy"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/local"
)

// drill is a world under test: nobody watches it but the test.
type drill struct {
	*testing.T
	world
	own, other pipeline.Pipeline
	deployers  *local.Local
}

// newDrill has release 1 of the deployer deployed by hand, and of the app by that.
func newDrill(t *testing.T, change func(*world)) *drill {
	t.Helper()
	free := ports(t, 3)
	w := world{
		Dir: t.TempDir(), Ports: free[:1:1], Spare: free[1], App: free[2], HostPatience: time.Minute,
		Self: selfdeploy.Config{Every: 50 * time.Millisecond, Patience: time.Minute, Crashes: 1, Limit: 10 * time.Minute},
	}
	if change != nil {
		change(&w)
	}
	d := &drill{T: t, world: w}
	text, err := json.Marshal(w)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(w.path("world"), text, 0o600))
	store, err := filelock.Open(w.path("store"))
	require.NoError(t, err)
	d.own, d.other = pipeline.Open(store, nil, "deployer"), pipeline.Open(store, nil, "app")
	d.deployers, err = local.New(w.hosts([]string{"./deployer"}))
	if err != nil {
		t.Skipf("this machine is no host: %v", err)
	}
	apps, err := local.New(w.apps())
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, d.deployers.Stop(context.Background()))
		require.NoError(t, apps.Stop(context.Background()))
		if t.Failed() {
			d.tellAll()
		}
	})
	d.commit("deployer", "ok")
	d.commit("app", "ok")
	d.byHand("settle", "-pipeline", "deployer")
	d.live("deployer", 1)
	d.live("app", 1)
	return d
}

// ports are free ones.
func ports(t *testing.T, n int) (free []int) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		free = append(free, l.Addr().(*net.TCPAddr).Port)
	}
	return free
}

// commit adds a change to a branch and returns its number.
func (d *drill) commit(name, word string) int {
	d.Helper()
	words := append(d.words(name), word)
	file := d.path(name + ".branch")
	require.NoError(d, os.WriteFile(file+".new", []byte(strings.Join(words, "\n")+"\n"), 0o600))
	require.NoError(d, os.Rename(file+".new", file))
	return len(words)
}

// byHand runs the deployer as somebody does on a laptop.
func (d *drill) byHand(args ...string) {
	d.Helper()
	self, err := os.Executable()
	require.NoError(d, err)
	ctx, cancel := context.WithTimeout(d.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Dir = d.TempDir()
	cmd.Env = append(os.Environ(), roleVariable+"=deployer", worldVariable+"="+d.path("world"))
	// What a host runs outlives whoever has started it, and may hold its output.
	cmd.WaitDelay = 10 * time.Millisecond
	out, err := cmd.CombinedOutput()
	if err != nil && err != exec.ErrWaitDelay {
		require.NoError(d, err, "%s", out)
	}
}

// status waits until a pipeline says what is wanted of it.
func (d *drill) status(name, what string, want func(pipeline.Status) bool) pipeline.Status {
	d.Helper()
	p := d.own
	if name == "app" {
		p = d.other
	}
	var st pipeline.Status
	ok := false
	for end := time.Now().Add(2 * time.Minute); !ok && time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		var err error
		if st, err = p.Status(d.Context()); err == nil {
			ok = want(st)
		}
	}
	require.True(d, ok, "%s: %s does not come about: %+v", name, what, st)
	return st
}

// live waits until the n-th change is declared live.
func (d *drill) live(name string, n int) pipeline.Status {
	d.Helper()
	return d.status(name, fmt.Sprintf("release %d live", n), func(st pipeline.Status) bool {
		return st.Open == nil && st.Live != nil && st.Live.Revision == revision(n)
	})
}

// rolledBack waits until a rollback to the n-th change has ended, and wants the
// deployer to be that release, alone, healthy, and at work.
func (d *drill) rolledBack(n int) pipeline.Status {
	d.Helper()
	st := d.status("deployer", fmt.Sprintf("rolled back to %d", n), func(st pipeline.Status) bool {
		return st.Open == nil && st.Stop != nil && st.Live.Revision == revision(n)
	})
	for e, err := range d.own.Deploys(d.Context(), "") {
		require.NoError(d, err)
		require.NotEqual(d, pipeline.RollbackFailed, e.End, e.Why)
	}
	d.serves(n)
	d.works()
	return st
}

// serves waits until every host serves the n-th release of the deployer.
func (d *drill) serves(n int) {
	d.Helper()
	want := artifact("deployer", n, d.words("deployer")[n-1]).Digest
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		s, err := d.deployers.Observe(d.Context(), target.Order{})
		require.NoError(d, err)
		well := true
		for _, u := range s.Units {
			well = well && u.Condition == target.Serving && u.Digest == want
		}
		if well {
			return
		}
		require.True(d, time.Now().Before(end), "release %d is not served: %+v", n, s.Units)
	}
}

// works wants the deployer to deploy something else.
func (d *drill) works() {
	d.Helper()
	d.live("app", d.commit("app", "ok"))
}

// tellAll shows what everybody said, when a drill has failed.
func (d *drill) tellAll() {
	for i := range d.Ports {
		log, _ := os.ReadFile(filepath.Join(d.Dir, "hosts", fmt.Sprintf("d%d", i+1), "supervisor", "log"))
		d.Logf("host d%d:\n%s", i+1, log[max(0, len(log)-20_000):])
		restart, _ := os.ReadFile(filepath.Join(d.Dir, "hosts", fmt.Sprintf("d%d", i+1), ".muster", "restart.log"))
		d.Logf("its last restart: %s", restart)
	}
	for e, err := range d.own.Deploys(context.Background(), "") {
		d.Logf("%s: %s: %s %v", e.ID, e.End, e.Why, err)
	}
}

func TestDeployerDeploysItself(t *testing.T) {
	t.Parallel()
	d := newDrill(t, nil)
	began := time.Now()
	d.live("deployer", d.commit("deployer", "ok"))
	t.Logf("version 1 to version 2: %v", time.Since(began))
	d.serves(2)
	d.works()

	began = time.Now()
	d.commit("deployer", "panics")
	st := d.rolledBack(2)
	t.Logf("version 3, which panics in the loop, is rolled back: %v", time.Since(began))
	require.Contains(t, st.Stop.Reason, "ended by itself")
}
