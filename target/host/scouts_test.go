package host_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// pair is two hosts that share a depot, of which one is asked what it holds. The other
// one is told to fetch while that one does.
type pair struct {
	asked, told *journey
	web         *web
	mu          sync.Mutex
	steps       []string // of the one who is told
	args        []string // of its last call
}

func newPair(t *testing.T) *pair {
	t.Helper()
	p := &pair{}
	p.asked, p.web = newFetching(t)
	packs := &host.Packs{Depot: p.web.Depot, Scouts: 1}
	p.told, _ = newFetching(t)
	for _, j := range []*journey{p.asked, p.told} {
		j.change = func(c *host.Config) { c.Packs = packs }
		j.reopen()
	}
	inline := p.told.transport.before
	p.told.transport.before = func(c host.Call) host.Call {
		p.mu.Lock()
		p.steps, p.args = append(p.steps, c.Step), c.Args
		p.mu.Unlock()
		return inline(c)
	}
	return p
}

// prepare has both prepare a, and returns what became of the one who is told.
func (p *pair) prepare(t *testing.T, a *build.Artifact) error {
	t.Helper()
	p.steps = nil
	asked, done, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	once := sync.OnceFunc(func() { close(asked) })
	inline := p.asked.transport.before
	p.asked.transport.before = func(c host.Call) host.Call {
		once()
		if c.Step == "prepare" {
			<-done // so that there is an order to take part in
		}
		return inline(c)
	}
	defer func() { p.asked.transport.before = inline }()
	o := p.asked.order(a)
	go func() { ended <- p.asked.h.Prepare(t.Context(), o, a) }()
	<-asked
	err := p.told.h.Prepare(t.Context(), o, a)
	close(done)
	require.NoError(t, <-ended)
	p.told.number = p.asked.number
	return err
}

func TestWhoIsNotAskedFetchesTheSame(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	require.NoError(t, p.prepare(t, large(1)))
	require.Equal(t, []string{"prepare"}, p.steps, "one call")
	for _, j := range []*journey{p.asked, p.told} {
		require.NoError(t, j.activate(large(1)))
		j.serves(large(1))
	}

	require.NoError(t, p.prepare(t, large(2)))
	require.Equal(t, []string{"prepare"}, p.steps)
	require.Contains(t, strings.Join(p.args, " "), "offer=")
	require.NoError(t, p.told.activate(large(2)))
	p.told.serves(large(2))
	require.Equal(t, inode(t, p.told.dir(large(1))+"/lib/tool"), inode(t, p.told.dir(large(2))+"/lib/tool"), "only what it lacked was fetched")
}

func TestWhoIsNotAskedAndHasAnotherReleaseFetchesAll(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.asked.ship(large(1))
	p.told.number = p.asked.number
	require.NoError(t, p.prepare(t, large(2)))
	require.Contains(t, strings.Join(p.args, " "), "offer=")
	require.NoError(t, p.told.activate(large(2)))
	p.told.serves(large(2))
}

func TestWhoIsNotAskedAndHasASpoiledBaseFetchesAll(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	require.NoError(t, p.prepare(t, large(1)))
	require.NoError(t, os.Remove(p.told.dir(large(1))+"/lib/gem 3.rb"))
	require.NoError(t, p.prepare(t, large(2)))
	require.Equal(t, []string{"prepare", "prepare"}, p.steps)
	require.NoError(t, p.told.activate(large(2)))
	p.told.serves(large(2))
}

func TestWhoIsNotAskedLooksAtItself(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	env := p.told.transport.Env
	_, err := p.told.h.Observe(t.Context(), target.Order{Number: 1000})
	require.NoError(t, err)
	require.ErrorIs(t, p.prepare(t, large(1)), target.ErrStale)
	p.asked.number = 2000

	for say, shimmed := range map[string][]string{
		"clock": shim(t, "date", `echo $(($(real +%s) - 4000))`),
		"disk":  shim(t, "df", `printf 'head\nfs 1 1 1 1 /\n'`),
	} {
		p.told.transport.Env = shimmed
		f := p.told.failure(p.prepare(t, large(2)))
		require.Equal(t, "preflight", f.Phase, say)
		require.Contains(t, f.Output, say)
		require.NoDirExists(t, p.told.dir(large(2)))
		p.asked.remove(t, large(2))
	}
	p.told.transport.Env = env
	require.NoError(t, p.prepare(t, large(2)))
	requests := p.web.requests.Load()
	p.asked.remove(t, large(2))
	require.NoError(t, p.prepare(t, large(2)))
	require.EqualValues(t, 2, p.web.requests.Load()-requests, "who has it fetches nothing")
}

// remove has a host lack a release.
func (j *journey) remove(t *testing.T, a *build.Artifact) {
	t.Helper()
	require.NoError(t, os.RemoveAll(j.dir(a)))
	require.NoError(t, os.RemoveAll(j.root+"/.muster/releases/"+strings.TrimPrefix(a.Digest, "sha256:")))
}

func TestADepotWithoutADateIsNoClock(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.web.failing(func(rw http.ResponseWriter, _ *http.Request) bool { rw.Header()["Date"] = nil; return false })
	p.told.transport.Env = shim(t, "date", `echo $(($(real +%s) - 4000))`)
	require.NoError(t, p.prepare(t, large(1)))
}

func TestAScoutThatDoesNotAnswerLeavesItsTurnToAnother(t *testing.T) {
	t.Parallel()
	packs := &host.Packs{Depot: fixed("http://127.0.0.1/"), Scouts: 1}
	first := make(chan struct{})
	var mu sync.Mutex
	asked := map[string]int{}
	hosts := make([]*host.Host, 3)
	for i := range hosts {
		name := fmt.Sprint("web ", i)
		var err error
		hosts[i], err = host.New(host.Config{Name: name, Root: "/srv/a", Packs: packs, Transport: scripted(func(c host.Call) error {
			mu.Lock()
			asked[c.Step]++
			n := asked[c.Step]
			mu.Unlock()
			switch {
			case c.Step == "check" && n == 1:
				<-first
				return errors.New("unreachable")
			case c.Step == "check":
				fmt.Fprintf(c.Stdout, "muster %s wanted have= end\n", c.Nonce)
			default:
				fmt.Fprintf(c.Stdout, "muster %s prepared end\n", c.Nonce)
			}
			return nil
		})})
		require.NoError(t, err)
	}
	o := orderOf(large(1))
	o.Number = 1
	ended := make(chan error, len(hosts))
	for _, h := range hosts {
		go func() { ended <- h.Prepare(t.Context(), o, large(1)) }()
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	late, err := host.New(host.Config{Name: "late", Root: "/srv/a", Packs: packs, Transport: never{t}})
	require.NoError(t, err)
	for { // until the one turn is taken
		mu.Lock()
		n := asked["check"]
		mu.Unlock()
		if n == 1 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	require.ErrorIs(t, late.Prepare(ctx, o, large(1)), context.DeadlineExceeded, "who waits can give up")
	close(first)
	var failed int
	for range hosts {
		if <-ended != nil {
			failed++
		}
	}
	require.Equal(t, 1, failed)
	require.GreaterOrEqual(t, asked["check"], 2)
	require.Equal(t, 2, asked["prepare"])
}

func TestWhereTheReleaseIsThereAskingIsAllThatIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		packs := &host.Packs{Depot: fixed("http://127.0.0.1/"), Scouts: 1}
		var mu sync.Mutex
		var steps []string
		o := orderOf(large(1))
		o.Number = 1
		ended := make(chan error, 3)
		for i := range 3 {
			h, err := host.New(host.Config{Name: fmt.Sprint("web ", i), Root: "/srv/a", Packs: packs, Transport: scripted(func(c host.Call) error {
				mu.Lock()
				steps = append(steps, c.Step)
				mu.Unlock()
				time.Sleep(time.Second) // the others wait for the first one
				fmt.Fprintf(c.Stdout, "muster %s prepared end\n", c.Nonce)
				return nil
			})})
			require.NoError(t, err)
			go func() { ended <- h.Prepare(t.Context(), o, large(1)) }()
		}
		for range 3 {
			require.NoError(t, <-ended)
		}
		require.Equal(t, []string{"check", "check", "check"}, steps, "they would take slots of those who fetch")
	})
}
