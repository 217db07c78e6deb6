//go:build integration

package ec2target_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/host"
)

// badHost is an instance that serves the first release, and on which something is wrong
// when the second one comes.
type badHost struct {
	*shells
	t  *testing.T
	id string
}

// root is a path below the root of the app.
func (b *badHost) root(more ...string) string {
	return b.path(b.id, append([]string{"app"}, more...)...)
}

// tool has a command of the instance be a script, or not be there at all.
func (b *badHost) tool(name, text string) {
	dir := b.t.TempDir()
	path := dir + ":" + os.Getenv("PATH")
	if text != "" {
		script := "#!/bin/sh\nreal() { PATH=${PATH#*:} command " + name + " \"$@\"; }\n" + text + "\n"
		require.NoError(b.t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	} else {
		path = dir
		linkAllBut(b.t, dir, strings.Fields(name))
	}
	b.Launch(ec2test.Instance{ID: b.id, Tags: tags, Machine: &ec2test.Shell{Dir: b.path(b.id), Env: []string{"PATH=" + path, "MUSTER_INSTANCE=" + b.id}}})
}

func linkAllBut(t *testing.T, dir string, names []string) {
	t.Helper()
	for _, from := range filepath.SplitList(os.Getenv("PATH")) {
		entries, _ := os.ReadDir(from)
		for _, e := range entries {
			if !slices.Contains(names, e.Name()) {
				_ = os.Symlink(filepath.Join(from, e.Name()), filepath.Join(dir, e.Name()))
			}
		}
	}
}

// restarts has the restart command do something else than to write a line.
func (b *badHost) restarts(text string) {
	b.c.Host.Restart, b.c.Host.RestartLimit = []string{"sh", "-c", text}, time.Second
}

// lies has a health check that is answered by the first release, whatever runs.
func (b *badHost) lies() {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Muster-Artifact", b.Artifact(1).Digest)
	}))
	b.t.Cleanup(app.Close)
	b.c.Host.Check, b.c.Host.URL = nil, app.URL
}

// fills has the root on a file system of 8 MB of which little is left.
func (b *badHost) fills() {
	disk := b.t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk).CombinedOutput()
	require.NoError(b.t, err, "%s", out)
	b.t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	require.NoError(b.t, exec.Command("cp", "-a", b.root()+"/.", disk).Run())
	require.NoError(b.t, os.RemoveAll(b.root()))
	require.NoError(b.t, os.Symlink(disk, b.root()))
	_ = exec.Command("dd", "if=/dev/zero", "of="+filepath.Join(disk, "app.log"), "bs=4k").Run() // until it is full
}

// hook has a command be run in the second release, as the hook of a stage does.
func (b *badHost) hook(words ...string) error {
	c := b.c.Host
	c.Name, c.Transport = b.id, b.c.Reach(ec2target.Instance{ID: b.id})
	h, err := host.New(c)
	require.NoError(b.t, err)
	o := b.order(3, 2)
	require.NoError(b.t, h.Prepare(b.t.Context(), o, b.Artifact(2)))
	return h.Command(b.t.Context(), o.Release, nil, words...)
}

// TestRealBadHostsAreNamedAndSayWhatToDo ships to an instance on which something is wrong.
// The error has the instance's name, where it failed, what is live, the end of what was
// said and what to do about it.
func TestRealBadHostsAreNamedAndSayWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*badHost)
		by    func(*badHost) error // nil: the second release is shipped
		want  string
	}{
		"a clock": {spoil: func(b *badHost) {
			b.tool("date", `case $1 in +%s) echo $(($(real +%s) + 4000)) ;; *) real "$@" ;; esac`)
		},
			want: " s ahead of the deployer's (below zero: behind): one of them is wrong, and has to be set"},
		"no curl": {spoil: func(b *badHost) { b.tool("curl wget", "") }, want: "preflight: this host has neither curl nor a wget"},
		"no flock, no tar": {spoil: func(b *badHost) { b.tool("flock tar", "") },
			want: "preflight: this host lacks these tools, install them: flock tar"},
		"a full disk": {spoil: (*badHost).fills, want: "preflight: the disk has 0 KiB free, wanted are 72 for a release of 0: make room on it"},
		"current is a directory": {spoil: func(b *badHost) {
			require.NoError(b.t, os.Remove(b.root("current")))
			require.NoError(b.t, os.Mkdir(b.root("current"), 0o755))
		}, want: "current is no link: move it away"},
		"a release half unpacked": {spoil: func(b *badHost) {
			require.NoError(b.t, os.MkdirAll(b.root("releases", strings.TrimPrefix(b.Artifact(2).Digest, "sha256:"), "lib"), 0o755))
		}, by: func(b *badHost) error { return b.open().Activate(b.t.Context(), b.order(2, 2)) }, want: "release is not prepared"},
		"a hook that daemonises": {by: func(b *badHost) error { return b.hook("sh", "-c", "setsid sleep 5 & echo migrated") },
			want: "migrated; the command has ended with 0 and has left processes running, which nobody would end (it has to wait for them): "},
		"a hook that fails": {by: func(b *badHost) error { return b.hook("sh", "-c", "echo 'no such table'; exit 3") },
			want: "command: no such table; the command ended with 3"},
		"a restart that hangs": {spoil: func(b *badHost) { b.restarts("echo stopping; exec sleep 100") },
			want: "restart: stopping; the restart command did not end within 1 s (RestartLimit): it has to start the app and end"},
		"a restart that fails": {spoil: func(b *badHost) { b.restarts("echo 'port is in use'; exit 3") },
			want: "restart: port is in use; the restart command ended with 3"},
		"a check that lies": {spoil: (*badHost).lies, want: ", which is another release: an old process serves still"},
		"a pack that was tampered with": {spoil: func(b *badHost) {
			b.tool("curl", `real "$@" | tr a b`)
		}, want: "another sha256 than it should"},
		"a root that cannot be made": {spoil: func(b *badHost) { b.c.Host.Root = "/proc/it's; a root" }, want: "No such file or directory; the root /proc/it's; a root cannot be made"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &badHost{shells: newShells(t, ec2test.Config{}, 1), t: t}
			b.id, b.c.Fleet.ObserveLimit = b.ids[0], 2*time.Minute // or a slow machine is told of instead
			require.NoError(t, b.ship(t, b.open(), 1, 1))
			if c.spoil != nil {
				c.spoil(b)
			}
			if c.by == nil {
				c.by = (*badHost).second
			}
			err := c.by(b)
			t.Log(err)
			var unit *target.UnitError
			require.ErrorAs(t, err, &unit)
			assert.Equal(t, b.id, unit.Unit)
			assert.ErrorContains(t, err, b.id+": ")
			assert.ErrorContains(t, err, c.want)
		})
	}
}

func (b *badHost) open() target.Target {
	to, err := b.Open()
	require.NoError(b.t, err)
	return to
}

// second ships the second release.
func (b *badHost) second() error {
	ctx, cancel := context.WithTimeout(b.t.Context(), 2*time.Minute)
	defer cancel()
	to := b.open()
	if err := to.Prepare(ctx, b.order(2, 2), b.Artifact(2)); err != nil {
		return fmt.Errorf("prepare: %w", err)
	}
	return to.Activate(ctx, b.order(2, 2))
}
