package host_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/targettest"
)

// needTools skips on machines that are no host.
func needTools(t interface{ Skipf(string, ...any) }) {
	for _, tool := range []string{"flock", "tar", "gzip", "sha256sum", "timeout", "sync"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("this machine is no host: %v", err)
		}
	}
}

// artifact returns the n-th of a row of artifacts; the app of it says which it is.
func artifact(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{
		"app*":         fmt.Sprintf("#!/bin/sh\necho %d\n", n),
		"lib/it's; $x": "quoted\n",
		"lib/latest":   "-> it's; $x",
		"lib/same":     strings.Repeat("in all of them\n", 20),
		`back\slash`:   fmt.Sprintf("%d", n),
	})
}

// place is one host in a directory.
type place struct {
	root      string
	transport *transport
	change    func(*host.Config)
}

func newPlace(dir string) *place {
	return &place{root: filepath.Join(dir, "it's a root; $(false)"), transport: &transport{}}
}

func (p *place) config() host.Config {
	c := host.Config{
		Name: "web 1", Root: p.root, Transport: p.transport,
		Restart:    []string{"sh", "-c", `printf '%s\n' "$1 $MUSTER_ARTIFACT $PWD" >>"$0"`, p.root + ".restarts", "it's; $x"},
		Check:      []string{"sh", "-c", `[ ! -e "$0" ] || { read -r sick <"$0" && [ "$sick" != "$MUSTER_ARTIFACT" ]; }`, p.root + ".sick"},
		ProbeLimit: time.Minute,
		Probes:     1, Interval: 10 * time.Millisecond, Patience: 50 * time.Millisecond, RestartLimit: time.Minute,
	}
	if p.change != nil {
		p.change(&c)
	}
	return c
}

// checkByTail has the check be made by a command that a test can pause.
func checkByTail(c *host.Config) {
	c.Check[2] = `[ "$(tail "$0" 2>/dev/null)" != "$MUSTER_ARTIFACT" ]`
}

func (p *place) Open() (target.Target, error)             { return host.New(p.config()) }
func (p *place) Artifact(n int) *build.Artifact           { return artifact(n) }
func (p *place) Cut(_ string, off bool)                   { p.transport.set(func(t *transport) { t.cut = off }) }
func (p *place) CrashAfter(steps int) func() (crash bool) { return p.transport.crashAfter(steps) }

// Drift is a person who changes the link.
func (p *place) Drift(string) {
	_ = os.Remove(p.link())
	if err := os.Symlink("/nowhere", p.link()); err != nil {
		panic(err)
	}
}

func (p *place) link() string { return filepath.Join(p.root, "current") }

// sicken has a release fail its check on this host.
func (p *place) sicken(t *testing.T, a *build.Artifact) {
	t.Helper()
	require.NoError(t, os.WriteFile(p.root+".sick", []byte(a.Digest+"\n"), 0o600))
}

// restarts lists what the restart command was told, one line each.
func (p *place) restarts(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(p.root + ".restarts")
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	require.NoError(t, err)
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// live is the digest that the link names.
func (p *place) live(t *testing.T) string {
	t.Helper()
	link, err := os.Readlink(p.link())
	require.NoError(t, err)
	return "sha256:" + filepath.Base(link)
}

// transport is Exec with a switch, and a budget of calls until the deployer is dead.
type transport struct {
	host.Exec
	mu     sync.Mutex
	cut    bool
	left   int
	armed  bool
	dead   bool
	before func(host.Call) host.Call // sees every call
}

var errCut = errors.New("no route to host")

func (t *transport) set(f func(*transport)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f(t)
}

// Run implements host.Transport.
func (t *transport) Run(ctx context.Context, c host.Call) error {
	if t.refuses() {
		return errCut
	}
	if t.before != nil {
		c = t.before(c)
	}
	err := t.Exec.Run(ctx, c)
	if t.refuses() {
		return errCut
	}
	return err
}

// refuses counts two steps for each call: its way there and its way back.
func (t *transport) refuses() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.armed && !t.dead {
		t.dead = t.left == 0
		t.left--
	}
	return t.cut || t.dead
}

func (t *transport) crashAfter(steps int) func() bool {
	t.set(func(t *transport) { t.armed, t.left = true, steps })
	return func() (crashed bool) {
		t.set(func(t *transport) { crashed, t.armed, t.dead = t.dead, false, false })
		return crashed
	}
}

func TestConformance(t *testing.T) {
	needTools(t)
	t.Parallel()
	targettest.TestTarget(t, func(t targettest.TB) targettest.Place { return newPlace(t.TempDir()) })
}
