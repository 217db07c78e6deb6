//go:build integration

package host_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// TestRealDiskThatFillsUp has a host on a file system of 8 MB.
func TestRealDiskThatFillsUp(t *testing.T) {
	disk := t.TempDir()
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", disk).CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Cleanup(func() { _ = exec.Command("umount", "-l", disk).Run() })
	j := newJourney(t, nil)
	j.root = filepath.Join(disk, "it's a root")
	j.reopen()
	j.ship(artifact(1))
	big := buildtest.Artifact(map[string]string{"app*": "#!/bin/sh\n", "data": noise(1, 9<<20)})

	f := j.failure(j.prepare(big))
	require.Equal(t, "preflight", f.Phase, "refused before anything starts")
	require.Contains(t, f.Output, "KiB free")

	// It was free when it was looked at, and fills up while the release comes.
	j.transport.Env = shim(t, "df", `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\nx 999999 9 999999 0%% /\n'`)
	f = j.failure(j.prepare(big))
	require.Contains(t, []string{"fetch", "unpack"}, f.Phase)
	require.Regexp(t, "No space left on device|Wrote only", f.Output)
	require.Equal(t, host.Untouched, f.Back)
	j.transport.Env = nil
	require.ErrorIs(t, j.activate(big), target.ErrUnprepared)
	j.serves(artifact(1))
	left, err := filepath.Glob(filepath.Join(j.root, "releases", ".tmp-*"))
	require.NoError(t, err)
	require.Empty(t, left, "what did not fit is removed")
	j.ship(artifact(2))
	j.serves(artifact(2))
}

// plain returns the n-th of a row of artifacts without a backslash in a name.
func plain(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{
		"app*": fmt.Sprintf("#!/bin/sh\necho %d\n", n), "lib/it's; $x": noise(7, 5000), "lib/latest": "-> it's; $x",
	})
}

// TestRealBusyboxIsEnough takes a host through its life that has no tools but busybox's.
func TestRealBusyboxIsEnough(t *testing.T) {
	busybox, err := exec.LookPath("busybox")
	require.NoError(t, err)
	tools := t.TempDir()
	out, err := exec.Command(busybox, "--install", "-s", tools).CombinedOutput()
	require.NoError(t, err, "%s", out)
	j := newJourney(t, nil)
	j.transport.Env, j.transport.Shell = []string{"PATH=" + tools}, filepath.Join(tools, "sh")
	for _, tool := range []string{"comm", "flock"} { // not every busybox has them
		path, err := exec.LookPath(tool)
		require.NoError(t, err)
		_ = os.Remove(filepath.Join(tools, tool))
		require.NoError(t, os.Symlink(path, filepath.Join(tools, tool)))
	}
	row := []*build.Artifact{plain(1), plain(2)}
	for _, a := range row {
		j.ship(a)
		j.serves(a)
	}
	require.NoError(t, j.activate(row[0]))
	j.serves(row[0])
	require.ErrorContains(t, j.prepare(artifact(3)), "refused", "its sha256sum does not know how a backslash is written")
}
