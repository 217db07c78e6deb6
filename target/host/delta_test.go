package host_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// noise returns n bytes that do not compress.
func noise(seed uint64, n int) string {
	r := rand.New(rand.NewPCG(seed, 1))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// large returns the n-th of a row of artifacts that have most in common.
func large(n int) *build.Artifact {
	files := map[string]string{
		"app*":                       fmt.Sprintf("#!/bin/sh\necho %d\n", n),
		"config/state":               "written by the app\n",
		"lib/latest":                 "-> it's; $x",
		`lib/back\lash`:              noise(900, 5000),
		"lib/it's; $x":               noise(901, 5000),
		"lib/tool*":                  noise(902, 5000),
		fmt.Sprintf("only/in/%d", n): noise(uint64(n), 1000),
	}
	for i := range 20 {
		files[fmt.Sprintf("lib/gem %d.rb", i)] = noise(uint64(100+i), 5000)
	}
	return buildtest.Artifact(files)
}

// metered is a journey that counts what the host is sent.
type metered struct {
	*journey
	sent  atomic.Int64
	packs *host.Packs
}

func newMetered(t *testing.T) *metered {
	m := &metered{packs: &host.Packs{}}
	m.journey = newJourney(t, func(c *host.Config) {
		c.Packs = m.packs
		c.Writable = []string{"config/"}
		c.Shared = []string{"log/"}
	})
	m.transport.before = func(c host.Call) host.Call {
		if c.Stdin != nil {
			c.Stdin = io.TeeReader(c.Stdin, counter{&m.sent})
		}
		return c
	}
	return m
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}

// sends ships an artifact and returns how many bytes that took.
func (m *metered) sends(a *build.Artifact) int64 {
	m.Helper()
	before := m.sent.Load()
	m.ship(a)
	m.serves(a)
	return m.sent.Load() - before
}

func inode(t *testing.T, path string) uint64 {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Ino
}

func TestHostIsSentWhatItLacks(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	full, some := m.sends(large(1)), m.sends(large(2))
	require.Greater(t, full, int64(115_000))
	require.Less(t, some, int64(15_000), "with the manifest, and a tar's blocks")

	one, two := m.dir(large(1)), m.dir(large(2))
	for _, shared := range []string{"lib/gem 7.rb", `lib/back\lash`, "lib/it's; $x", "lib/tool"} {
		require.Equal(t, inode(t, filepath.Join(one, shared)), inode(t, filepath.Join(two, shared)), shared)
		info, err := os.Stat(filepath.Join(two, shared))
		require.NoError(t, err)
		require.Zero(t, info.Mode()&0o222, "%s is read-only", shared)
	}
	for _, own := range []string{"config/state", "app"} {
		require.NotEqual(t, inode(t, filepath.Join(one, own)), inode(t, filepath.Join(two, own)), own)
	}
	info, err := os.Stat(filepath.Join(two, "config/state"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o200, "what the app writes can be written")
	require.NoDirExists(t, filepath.Join(two, "only/in/1"))
	require.NoFileExists(t, filepath.Join(two, "only/in/1"))
}

func TestDeltaIsFetchedByURLToo(t *testing.T) {
	t.Parallel()
	j, w := newFetching(t)
	j.ship(large(1))
	j.ship(large(2))
	j.serves(large(2))
	require.EqualValues(t, 4, w.requests.Load())
	require.Equal(t, inode(t, filepath.Join(j.dir(large(1)), "lib/tool")), inode(t, filepath.Join(j.dir(large(2)), "lib/tool")))
}

func TestEveryShellLinks(t *testing.T) {
	t.Parallel()
	for name, path := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newMetered(t)
			m.transport.Shell = path
			m.sends(large(1))
			require.Less(t, m.sends(large(2)), int64(15_000))
		})
	}
}

func TestAFileOfAnotherModeIsSentAnew(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	files := func(tool string) *build.Artifact {
		return buildtest.Artifact(map[string]string{"app*": "#!/bin/sh\n", tool: noise(902, 5000), "lib/large": noise(903, 100_000)})
	}
	m.sends(files("lib/tool*"))
	require.Less(t, m.sends(files("lib/tool")), int64(20_000), "and nothing besides")
}

func TestWhatTheAppHasMadeIsNotCarriedOn(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	one := m.dir(large(1))
	require.NoError(t, os.WriteFile(filepath.Join(one, "tmp it's\nnew"), nil, 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(one, "cache/a/b"), 0o755))
	require.NoError(t, syscall.Mkfifo(filepath.Join(one, "cache/pipe"), 0o600))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(one, "lib/passwd")))
	m.sends(large(2))
	two := m.dir(large(2))
	for _, gone := range []string{"cache", "lib/passwd"} {
		_, err := os.Lstat(filepath.Join(two, gone))
		require.ErrorIs(t, err, os.ErrNotExist, gone)
	}
}

// A root that writes in place is not stopped by a file's mode.
func TestSpoiledBaseIsNotUsed(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	f, err := os.OpenFile(filepath.Join(m.dir(large(1)), "lib/gem 3.rb"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Skipf("only root can write: %v", err)
	}
	_, err = f.WriteString("!")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.Greater(t, m.sends(large(2)), int64(115_000), "the whole release came")
}

func TestWriteIntoASharedFileIsFoundBeforeARollback(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	m.ship(large(2))
	f, err := os.OpenFile(filepath.Join(m.dir(large(2)), "lib/gem 3.rb"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Skipf("only root can write: %v", err)
	}
	_, err = f.WriteString("!")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.ErrorIs(t, m.activate(large(1)), target.ErrUnprepared)
	m.serves(large(2))
	m.ship(large(1))
	m.serves(large(1))
}

func TestBaseThatGoesMeanwhileIsNotMissed(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	count := m.transport.before
	m.transport.before = func(c host.Call) host.Call {
		if strings.Contains(strings.Join(c.Args, " "), " base=") {
			require.NoError(t, os.RemoveAll(m.dir(large(1))))
		}
		return count(c)
	}
	require.Greater(t, m.sends(large(2)), int64(115_000))
}

func TestUnknownBaseIsAskedOfWhoKnows(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	*m.packs = host.Packs{} // another process
	require.Greater(t, m.sends(large(2)), int64(115_000))
	var asked []string
	*m.packs = host.Packs{Known: func(_ context.Context, digest string) (*build.Artifact, error) {
		asked = append(asked, digest)
		if digest == large(2).Digest {
			return large(2), nil
		}
		return nil, build.ErrNotFound
	}}
	require.Less(t, m.sends(large(3)), int64(15_000))
	require.Equal(t, large(2).Digest, asked[0], "what is live comes first")
}

func TestReleaseWithLittleInCommonIsSentWhole(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	other := buildtest.Artifact(map[string]string{"app*": noise(1, 50_000), "lib/tool*": noise(902, 5000)})
	require.Greater(t, m.sends(other), int64(54_000))
}

// BenchmarkDelta prints how much of the full pack a host gets that has the release
// before: 200 MB that do not compress, of which 1% of the files have changed.
func BenchmarkDelta(b *testing.B) {
	needTools(b)
	release := func(changed uint64) *build.Artifact {
		files := make(map[string]string, 2000)
		for i := range uint64(2000) {
			seed := i
			if i%100 == 0 {
				seed += changed
			}
			files[fmt.Sprintf("lib/gem-%d/file-%d.so", i%50, i)] = noise(seed, 100<<10)
		}
		return buildtest.Artifact(files)
	}
	one, two := release(0), release(1_000_000)
	for b.Loop() {
		var full, some int64
		h, sent := benchHost(b)
		for n, a := range []*build.Artifact{one, two} {
			o := target.Order{Number: uint64(n + 1), Release: target.Release{Digest: a.Digest}}
			require.NoError(b, h.Prepare(b.Context(), o, a))
			require.NoError(b, h.Activate(b.Context(), o))
			full, some = some, sent.Swap(0)
		}
		b.ReportMetric(float64(full), "full-bytes")
		b.ReportMetric(float64(some), "delta-bytes")
		b.ReportMetric(100*float64(some)/float64(full), "%-of-full")
	}
}

func benchHost(b *testing.B) (*host.Host, *atomic.Int64) {
	b.Helper()
	var sent atomic.Int64
	tr := &transport{before: func(c host.Call) host.Call {
		if c.Stdin != nil {
			c.Stdin = io.TeeReader(c.Stdin, counter{&sent})
		}
		return c
	}}
	h, err := host.New(host.Config{Name: "a", Root: b.TempDir() + "/app", Transport: tr})
	require.NoError(b, err)
	return h, &sent
}
