package host_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// steps are the commands of the script before which it is killed.
var steps = []string{"mv", "ln", "rm", "mkdir", "sync", "tar", "sha256sum", "openssl", "cp", "xargs", "chmod"}

// fuse returns an environment in which the n-th of those commands kills the run, with
// all of its process group, instead; and how many there have been.
func fuse(t *testing.T, n int) (env []string, count func() int) {
	t.Helper()
	dir := t.TempDir()
	counter := filepath.Join(dir, "count")
	require.NoError(t, os.WriteFile(counter, []byte("0\n"), 0o600))
	for _, command := range steps {
		write(t, dir, command, fmt.Sprintf(`read -r n <'%s'; n=$((n + 1)); echo "$n" >'%s'
[ "$n" -ne %d ] || kill -9 0
real "$@"`, counter, counter, n))
	}
	return []string{"PATH=" + dir + ":" + os.Getenv("PATH")}, func() int {
		text, err := os.ReadFile(counter)
		require.NoError(t, err)
		n, err := strconv.Atoi(strings.TrimSpace(string(text)))
		require.NoError(t, err)
		return n
	}
}

// crashes kills act before each of its steps, beginning with from, each time on a host of its own that
// ready has made ready, and wants the host to be mended by the same calls again.
func crashes(t *testing.T, from int, packs *host.Packs, ready func(*journey), act func(*journey) error) {
	needTools(t)
	config := func(c *host.Config) { c.Packs = packs }
	base := newJourney(t, config)
	ready(base)
	try := func(t *testing.T, n int) (*journey, int) {
		j := newJourney(t, config)
		out, err := exec.Command("cp", "-a", base.root, j.root).CombinedOutput()
		require.NoError(t, err, "%s", out)
		out, err = exec.Command("sh", "-c", `for f in restarts sick; do [ ! -e "$1.$f" ] || cp "$1.$f" "$2.$f"; done`, "sh", base.root, j.root).CombinedOutput()
		require.NoError(t, err, "%s", out)
		j.number = base.number
		env, count := fuse(t, n)
		j.transport.Env = env
		err = act(j)
		j.transport.Env = nil
		if n > 0 {
			require.Error(t, err)
		}
		return j, count()
	}
	_, total := try(t, 0)
	require.Greater(t, total, 10)
	some := 1
	if os.Getenv("CI") != "true" { // by default some of the steps, others each time
		some = 4
		from += rand.IntN(some)
	}
	for n := from; n <= total; n += some {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			j, _ := try(t, n)
			mended(j, n%2 == 0)
		})
	}
}

// mended wants what is live to be whole, a successor to be able to read the host, and
// to go on or back.
func mended(j *journey, goOn bool) {
	one, two := artifact(1), artifact(2)
	require.Contains(j, []string{one.Digest, two.Digest}, j.place.live(j.T))
	o := j.order(one)
	o.Release = target.Release{}
	_, err := j.h.Observe(context.Background(), o)
	require.NoError(j, err)
	_ = os.Remove(j.root + ".sick")
	if goOn {
		j.ship(two)
		j.serves(two)
		return
	}
	require.NoError(j, j.activate(one))
	j.serves(one)
}

func TestCrashAnywhereInPrepareIsMended(t *testing.T) {
	t.Parallel()
	crashes(t, 1, nil, func(j *journey) { j.ship(artifact(1)) }, func(j *journey) error { return j.prepare(artifact(2)) })
}

// The first steps are those of an order that sends all.
func TestCrashAnywhereInADeltaIsMended(t *testing.T) {
	t.Parallel()
	crashes(t, 5, &host.Packs{}, func(j *journey) { j.ship(artifact(1)) }, func(j *journey) error {
		linked := false
		j.transport.before = func(c host.Call) host.Call {
			linked = linked || slices.Contains(c.Args, "base="+artifact(1).Digest[7:])
			return c
		}
		err := j.prepare(artifact(2))
		require.True(j, linked || err != nil)
		j.transport.before = nil
		return err
	})
}

func TestCrashAnywhereInActivateIsMended(t *testing.T) {
	t.Parallel()
	crashes(t, 1, nil, func(j *journey) {
		j.ship(artifact(1))
		require.NoError(j, j.prepare(artifact(2)))
	}, func(j *journey) error { return j.activate(artifact(2)) })
}

// The first steps are those of an order that succeeds.
func TestCrashAnywhereOnTheWayBackIsMended(t *testing.T) {
	t.Parallel()
	crashes(t, 15, nil, func(j *journey) {
		j.ship(artifact(1))
		require.NoError(j, j.prepare(artifact(2)))
		j.sicken(j.T, artifact(2))
	}, func(j *journey) error { return j.activate(artifact(2)) })
}

func TestDeployerThatDiesLeavesTheHostToFinish(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	require.NoError(t, j.prepare(artifact(2)))
	j.sicken(t, artifact(2))
	j.transport.before = func(c host.Call) host.Call {
		r, w, err := os.Pipe()
		require.NoError(t, err)
		require.NoError(t, r.Close()) // nobody listens any more
		t.Cleanup(func() { _ = w.Close() })
		c.Stdout, c.Stderr = w, w
		return c
	}
	require.Error(t, j.activate(artifact(2)))
	j.transport.before = nil
	j.serves(artifact(1))
}
