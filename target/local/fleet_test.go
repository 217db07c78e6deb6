package local_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/local"
	"github.com/muster-deploy/muster/target/targettest"
)

// needTools skips on machines that cannot be hosts.
func needTools(skip func(string, ...any)) {
	tools := []string{"setsid", "flock", "tar", "sha256sum", "timeout", "sh"}
	if _, err := exec.LookPath("wget"); err != nil {
		tools = append(tools, "curl")
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			skip("this machine is no host: %v", err)
		}
	}
}

// ports returns free ones.
func ports(n int) []int {
	var free []int
	for range n {
		free = append(free, freePort())
	}
	return free
}

// freePort returns one that was free a moment ago, each time another.
func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// config is that of n hosts in a directory of their own.
func config(t targettest.TB, n int) local.Config {
	c := local.Config{
		Name: "web", Dir: t.TempDir(), Command: []string{os.Args[0], "it's; $x"}, HealthPath: "/up?x=1&y='2'",
		Env:    []string{appMode + "=1", "PATH=" + os.Getenv("PATH")},
		Probes: 1, Interval: 20 * time.Millisecond, Patience: time.Minute, Grace: time.Second,
		Fleet: fleet.Config{Probes: 1, Interval: 10 * time.Millisecond},
	}
	for i, port := range ports(n) {
		c.Hosts = append(c.Hosts, local.Host{Name: fmt.Sprintf("h%d", i+1), Port: port})
	}
	return c
}

// crew is a fleet under test. It is stopped at the end.
type crew struct {
	*testing.T
	*local.Local
	births <-chan birth
	number uint64
}

func start(t *testing.T, c local.Config) *crew {
	t.Helper()
	needTools(t.Skipf)
	address, news := births(t)
	c.Env = append(c.Env, bornAt+"="+address)
	l, err := local.New(c)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, l.Stop(context.Background())) })
	return &crew{T: t, Local: l, births: news}
}

func (c *crew) order(a *build.Artifact) target.Order {
	c.number++
	return target.Order{Number: c.number, Intent: target.Forward, Release: target.Release{ID: "r", Digest: a.Digest}}
}

func (c *crew) ship(a *build.Artifact) error {
	c.T.Helper()
	require.NoError(c, c.Prepare(c.Context(), c.order(a), a))
	return c.Activate(c.Context(), c.order(a))
}

func (c *crew) units() []target.Unit {
	c.T.Helper()
	s, err := c.Observe(c.Context(), target.Order{})
	require.NoError(c, err)
	return s.Units
}

// serves wants a to be live everywhere.
func (c *crew) serves(a *build.Artifact) {
	c.T.Helper()
	for _, u := range c.units() {
		require.Equal(c, target.Serving, u.Condition, u.Problem)
		require.Equal(c, a.Digest, u.Digest)
	}
}

// gone wants nothing to listen at a port.
func gone(t *testing.T, port int) {
	t.Helper()
	_, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	require.Error(t, err)
}

// place is a fleet of real processes for the conformance suite.
type place struct{ c local.Config }

func (p place) Open() (target.Target, error)   { return local.New(p.c) }
func (p place) Artifact(n int) *build.Artifact { return artifact(n, "ok") }

// TestConformance takes a minute: the fleet and the host pass the same suite by
// themselves. It runs when MUSTER_LONG is set.
func TestConformance(t *testing.T) {
	if os.Getenv("MUSTER_LONG") == "" {
		t.Skip("set MUSTER_LONG to run it")
	}
	needTools(t.Skipf)
	targettest.TestTarget(t, func(t targettest.TB) targettest.Place {
		c := config(t, 2)
		l, err := local.New(c)
		if err != nil {
			t.Fatalf("%v", err)
		}
		t.Cleanup(func() {
			if err := l.Stop(context.Background()); err != nil {
				t.Errorf("%v", err)
			}
		})
		return place{c}
	})
}
