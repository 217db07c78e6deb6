package host_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

func TestLeftoverTemporaryLinkIsNotFollowed(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	require.NoError(t, os.Symlink("../releases", filepath.Join(j.root, ".muster", "tmp-link-old")))
	require.NoError(t, os.Symlink("releases", filepath.Join(j.root, "current.tmp")))
	j.ship(artifact(2))
	j.serves(artifact(2))
}

func TestCurrentThatIsADirectoryIsRefused(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	require.NoError(t, j.prepare(artifact(1)))
	require.NoError(t, os.MkdirAll(filepath.Join(j.link(), "precious"), 0o755))
	f := j.failure(j.activate(artifact(1)))
	require.Equal(t, "switch", f.Phase)
	require.Equal(t, host.Untouched, f.Back)
	require.Contains(t, f.Output, "is no link")
	f = j.failure(j.prepare(artifact(2)))
	require.Equal(t, "preflight", f.Phase)
	require.DirExists(t, filepath.Join(j.link(), "precious"))
	require.Equal(t, target.Unhealthy, j.unit().Condition)
}

func TestHalfUnpackedReleaseIsNoRelease(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	require.NoError(t, os.MkdirAll(filepath.Join(j.dir(artifact(2)), "lib"), 0o755))
	require.ErrorIs(t, j.activate(artifact(2)), target.ErrUnprepared)
	j.serves(artifact(1))
	j.ship(artifact(2))
	j.serves(artifact(2))
	require.FileExists(t, filepath.Join(j.dir(artifact(2)), "app"))
}

func TestLeftoversAreSweptByAge(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	old, young := filepath.Join(j.root, "releases", ".tmp-old"), filepath.Join(j.root, "releases", ".tmp-young")
	require.NoError(t, os.Mkdir(old, 0o755))
	require.NoError(t, os.Mkdir(young, 0o755))
	twoDaysAgo := time.Now().Add(-49 * time.Hour)
	require.NoError(t, os.Chtimes(old, twoDaysAgo, twoDaysAgo))
	require.NoError(t, j.prepare(artifact(2)))
	require.NoDirExists(t, old)
	require.DirExists(t, young)
}

func TestHostWithoutRoomIsUnready(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.transport.Env = shim(t, "df", `printf 'Filesystem 1024-blocks Used Available Capacity Mounted\n/dev/x 9 9 0 100%% /\n'`)
	f := j.failure(j.prepare(artifact(1)))
	require.Equal(t, "preflight", f.Phase)
	require.Contains(t, f.Output, "free")
}

func TestFullDiskLeavesNoRelease(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	env := j.transport.Env
	j.transport.Env = shim(t, "gzip", `real | { head -c 20; exit 1; }; echo 'No space left on device' >&2`)
	f := j.failure(j.prepare(artifact(2)))
	require.Equal(t, "unpack", f.Phase)
	require.Contains(t, f.Output, "No space left")
	j.transport.Env = env
	require.ErrorIs(t, j.activate(artifact(2)), target.ErrUnprepared)
	j.ship(artifact(2))
}

func TestMissingToolsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.transport.Env = []string{"PATH=" + t.TempDir()}
	j.transport.Shell = shellPath(t)
	f := j.failure(j.prepare(artifact(1)))
	require.Equal(t, "preflight", f.Phase)
	require.Contains(t, f.Output, "flock")
	require.Contains(t, f.Output, "tar")
}

func TestWhatRanBeforeIsPutBack(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	adopted := filepath.Join(j.root, "releases", "20240101; x")
	require.NoError(t, os.MkdirAll(adopted, 0o755))
	require.NoError(t, os.Symlink(adopted, j.link()))
	u := j.unit()
	require.Equal(t, target.Unhealthy, u.Condition)
	require.Contains(t, u.Problem, "no release of muster")
	j.sicken(t, artifact(1))
	require.NoError(t, j.prepare(artifact(1)))
	require.Equal(t, host.Done, j.failure(j.activate(artifact(1))).Back)
	link, err := os.Readlink(j.link())
	require.NoError(t, err)
	require.Equal(t, adopted, link)
}

func TestMissingMarkerIsAProblem(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	require.NoError(t, os.Remove(filepath.Join(j.root, ".muster/releases", artifact(1).Digest[7:], "PREPARED")))
	u := j.unit()
	require.Equal(t, target.Unhealthy, u.Condition)
	require.Equal(t, artifact(1).Digest, u.Digest)
	require.Contains(t, u.Problem, "marker")
	j.ship(artifact(1))
	j.serves(artifact(1))
}

func TestSharedPathsOutliveReleases(t *testing.T) {
	t.Parallel()
	j := newJourney(t, func(c *host.Config) { c.Shared = []string{"log; $x/", "lib/deep/conf it's"} })
	f := j.failure(j.prepare(artifact(1)))
	require.Equal(t, "shared", f.Phase)
	require.Contains(t, f.Output, "put it there first")
	file := filepath.Join(j.root, "shared", "lib/deep/conf it's")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte("settings"), 0o600))
	j.ship(artifact(1))
	require.NoError(t, os.WriteFile(filepath.Join(j.link(), "log; $x", "production.log"), []byte("line"), 0o600))
	j.ship(artifact(2))
	for path, want := range map[string]string{"lib/deep/conf it's": "settings", "log; $x/production.log": "line"} {
		got, err := os.ReadFile(filepath.Join(j.link(), path))
		require.NoError(t, err)
		require.Equal(t, want, string(got))
	}
}

func TestWrongClockIsRefusedBeforeAnythingStarts(t *testing.T) {
	t.Parallel()
	for name, shift := range map[string]string{"behind": "- 4000", "ahead": "+ 4000"} {
		j := newJourney(t, nil)
		j.transport.Env = shim(t, "date", `echo $(($(real +%s) `+shift+`))`)
		f := j.failure(j.prepare(artifact(1)))
		require.Equal(t, "preflight", f.Phase, name)
		require.Contains(t, f.Output, "clock")
		require.NoDirExists(t, j.dir(artifact(1)))
		j.transport.Env = shim(t, "date", `echo $(($(real +%s) - 100))`)
		require.NoError(t, j.prepare(artifact(1)), "a little is forgiven")
	}
}
