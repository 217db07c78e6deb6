package host_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/host"
)

// disk is a df that says how many KiB are free, and counts no inodes.
func disk(t *testing.T, free int64) []string {
	return shim(t, "df", fmt.Sprintf(
		`case $1 in *k*) printf 'head\nfs 1 1 %d 1 /\n' ;; *) printf 'head\nfs 0 0 0 - /\n' ;; esac`, free))
}

func TestRoomIsTwiceTheReleaseAndABlockForEachFile(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	a := large(1)
	wanted := 2*a.Size()/1024 + int64(4*len(a.Manifest)) + 64
	j.transport.Env = disk(t, wanted-1)
	require.Equal(t, "preflight", j.failure(j.prepare(a)).Phase)
	j.transport.Env = disk(t, wanted)
	require.NoError(t, j.prepare(a))
}

func TestWhoIsNotAskedSweepsToo(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	old := filepath.Join(p.told.root, "releases", ".tmp-old")
	require.NoError(t, os.MkdirAll(old, 0o755))
	twoDaysAgo := time.Now().Add(-49 * time.Hour)
	require.NoError(t, os.Chtimes(old, twoDaysAgo, twoDaysAgo))
	require.NoError(t, p.prepare(t, large(1)))
	require.Equal(t, []string{"prepare"}, p.steps)
	require.NoDirExists(t, old)
}

func TestWhoIsNotAskedTakesAnOfferOnlyIfItHasTheBase(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.asked.ship(large(1))
	require.NoError(t, p.prepare(t, large(2)))
	require.Contains(t, strings.Join(p.args, " "), "offer=")
	require.Equal(t, []string{"prepare"}, p.steps, "it is not told twice")
}

func TestADepotsDateIsReadToTheSecond(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	change := p.told.change
	p.told.change = func(c *host.Config) { change(c); c.Skew = 2 * time.Second }
	p.told.reopen()
	for i, date := range []time.Time{
		time.Date(2024, 2, 29, 23, 59, 58, 0, time.UTC),
		time.Date(2025, 1, 1, 9, 0, 1, 0, time.UTC),
	} {
		p.web.failing(func(rw http.ResponseWriter, _ *http.Request) bool {
			rw.Header().Set("Date", date.Format(http.TimeFormat))
			return false
		})
		for off, good := range map[time.Duration]bool{0: true, 4 * time.Second: false} {
			p.told.transport.Env = shim(t, "date", fmt.Sprintf("echo %d", date.Add(off).Unix()))
			err := p.prepare(t, large(i))
			if good {
				require.NoError(t, err, "%v", date)
			} else {
				require.Contains(t, p.told.failure(err).Output, fmt.Sprintf("clock is %d s ahead", int(off.Seconds())))
			}
			p.asked.remove(t, large(i))
			p.told.remove(t, large(i))
		}
	}
}

// have is what a host says that it holds.
var have = regexp.MustCompile(` have=(\S*) end`)

func TestAHostNamesFourBasesAtMostTheLiveOneFirst(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	for n := range 5 {
		require.NoError(t, j.prepare(artifact(n)))
	}
	require.NoError(t, j.activate(artifact(4)))
	var said bytes.Buffer
	j.transport.before = func(c host.Call) host.Call {
		if c.Step == "check" {
			c.Stdout = io.MultiWriter(c.Stdout, &said)
		}
		return c
	}
	require.NoError(t, j.prepare(artifact(5)))
	m := have.FindStringSubmatch(said.String())
	require.NotNil(t, m, said.String())
	bases := strings.Split(m[1], ",")
	require.Len(t, bases, 4)
	require.Equal(t, artifact(4).Digest[7:], bases[0])
}

// Some programs of that name write into a file that is there already, and through a
// link of it into the release before.
func TestATarThatWritesInPlaceDoesNotSpoilTheReleaseBefore(t *testing.T) {
	t.Parallel()
	m := newMetered(t)
	m.ship(large(1))
	state := filepath.Join(m.dir(large(1)), "config/state")
	require.NoError(t, os.WriteFile(state, []byte("changed by the app\n"), 0o600))
	m.transport.Env = shim(t, "tar", `case $1 in -x*) real --overwrite "$@" ;; *) real "$@" ;; esac`)
	require.Less(t, m.sends(large(2)), int64(15_000))
	got, err := os.ReadFile(state)
	require.NoError(t, err)
	require.Equal(t, "changed by the app\n", string(got))
}
