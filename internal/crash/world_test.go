package crash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/local"
)

// world is two hosts and one record, which many deployers follow each other at.
type world struct {
	*testing.T
	orders
	front  *front
	hosts  *local.Local
	web    pipeline.Pipeline
	births int               // lines read
	units  map[string]uint64 // the highest number that each unit has said
	epoch  uint64            // when all was well last
	kills  int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, orders: orders{Dir: t.TempDir(), Ports: ports(t, 2), Head: 1}, units: map[string]uint64{}}
	w.front = newFront(t, w.fleet().Backends())
	w.Admin = w.front.admin
	store, err := w.store()
	require.NoError(t, err)
	w.web = pipeline.Open(store, nil, "web")
	w.hosts, err = local.New(w.fleet())
	if err != nil {
		t.Skipf("this machine is no host: %v", err)
	}
	t.Cleanup(func() { require.NoError(t, w.hosts.Stop(context.Background())) })
	require.False(t, w.deploy(w.orders), "nobody was to kill it")
	w.front.serve()
	w.holds("first deploy", 1, 1)
	return w
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

// deploy runs a deployer's process until it has settled, or was killed.
func (w *world) deploy(o orders) (killed bool) {
	w.Helper()
	self, err := os.Executable()
	require.NoError(w, err)
	text, err := json.Marshal(o)
	require.NoError(w, err)
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"=deployer")
	cmd.Stdin = bytes.NewReader(text)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	// What a host runs outlives a deployer that was killed, and may hold its output.
	cmd.WaitDelay = 10 * time.Millisecond
	err = cmd.Run()
	require.NoError(w, ctx.Err(), "the deployer does not settle:\n%s", &out)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		status := exit.Sys().(syscall.WaitStatus)
		require.True(w, status.Signaled() && o.Kill > 0, "deployer: %v\n%s", err, &out)
		return true
	}
	require.True(w, err == nil || errors.Is(err, exec.ErrWaitDelay), "deployer: %v\n%s", err, &out)
	return false
}

// crash kills one deployer at its n-th write, and has the next one settle.
func (w *world) crash(o orders) (killed bool) {
	w.Helper()
	killed = w.deploy(o)
	if killed {
		w.kills++
		o.Kill = 0
		require.False(w, w.deploy(o))
	}
	return killed
}

// holds wants all to be well with one release live, after a way from another.
func (w *world) holds(name string, from, live int) pipeline.Status {
	w.Helper()
	st, err := w.web.Status(w.Context())
	require.NoError(w, err, name)
	require.Nil(w, st.Open, "%s: it has to come to an end", name)
	require.Equal(w, revision(live), st.Live.Revision, name)
	require.Greater(w, st.Epoch, w.epoch, "%s: each deployer has an epoch of its own", name)
	w.epoch = st.Epoch
	w.declared(name)
	w.onlyEver(name, from, live)
	w.neverBack(name)
	w.front.neverBelow(name)
	state, err := w.hosts.Observe(w.Context(), target.Order{})
	require.NoError(w, err, name)
	require.Len(w, state.Units, 2, name)
	for _, u := range state.Units {
		require.Equal(w, target.Serving, u.Condition, "%s: %s: %s", name, u.Name, u.Problem)
		require.Equal(w, artifact(live).Digest, u.Digest, "%s: %s", name, u.Name)
		require.GreaterOrEqual(w, u.Number, w.units[u.Name], "%s: %s", name, u.Name)
		require.LessOrEqual(w, u.Number, st.Number, "%s: %s has an order that the record never gave", name, u.Name)
		w.units[u.Name] = u.Number
	}
	return st
}

// declared wants every deploy to have ended in one of the two ways that this world
// knows, and only once.
func (w *world) declared(name string) {
	w.Helper()
	seen := map[string]bool{}
	for d, err := range w.web.Deploys(w.Context(), "") {
		require.NoError(w, err, name)
		require.False(w, seen[d.ID], "%s: %s ended twice", name, d.ID)
		require.Contains(w, []pipeline.End{pipeline.Live, pipeline.RolledBack}, d.End, "%s: %s: %s", name, d.ID, d.Why)
		seen[d.ID] = true
	}
	require.NotEmpty(w, seen, name)
}

// onlyEver wants no app of a third release to have been started since the last time.
func (w *world) onlyEver(name string, releases ...int) {
	w.Helper()
	lines := w.lines("births")
	for _, line := range lines[w.births:] {
		known := false
		for _, n := range releases {
			known = known || line == artifact(n).Digest
		}
		require.True(w, known, "%s: an app of another release ran: %s", name, line)
	}
	w.births = len(lines)
}

// neverBack wants epochs and numbers to grow with every write of the record.
func (w *world) neverBack(name string) {
	w.Helper()
	var epoch, number uint64
	for i, line := range w.lines("written") {
		var e, n uint64
		_, err := fmt.Sscan(line, &e, &n)
		require.NoError(w, err, name)
		require.GreaterOrEqual(w, e, epoch, "%s: write %d: epoch", name, i)
		require.GreaterOrEqual(w, n, number, "%s: write %d: number", name, i)
		epoch, number = e, n
	}
}

func (w *world) lines(file string) []string {
	w.Helper()
	data, err := os.ReadFile(filepath.Join(w.Dir, file))
	require.NoError(w, err)
	return strings.Split(strings.TrimSpace(string(data)), "\n")
}
