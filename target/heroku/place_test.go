package heroku_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
	"github.com/muster-deploy/muster/target/targettest"
)

// numbered is the n-th of a row of small apps.
func numbered(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{"Procfile": "web: ./shop\nworker: ./shop work\n", "n": fmt.Sprint(n)})
}

// place is an app on a platform whose deployers can die between any two requests.
type place struct {
	*herokutest.Platform
	shop   *herokutest.App
	config heroku.Config
	inner  http.RoundTripper
	left   atomic.Int64
}

var errDead = errors.New("the deployer is dead")

// RoundTrip implements http.RoundTripper.
func (p *place) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.left.Add(-1) < 0 {
		return nil, errDead
	}
	return p.inner.RoundTrip(r)
}

func newPlace() *place {
	p := &place{Platform: herokutest.New()}
	p.shop = p.Create("shop")
	p.inner = p.Client().Transport
	p.left.Store(1 << 60)
	p.config = heroku.Config{
		App: "shop", Token: p.Token, API: herokutest.Address, HTTP: &http.Client{Transport: p},
		Interval: time.Millisecond, Patience: time.Minute,
	}
	return p
}

// networked is a place on a server.
func networked(t interface{ Cleanup(func()) }) *place {
	p := newPlace()
	server := httptest.NewServer(p.Platform)
	t.Cleanup(server.Close)
	p.inner, p.config.API = http.DefaultTransport, server.URL
	return p
}

func (p *place) Open() (target.Target, error)   { return heroku.New(p.config) }
func (p *place) Artifact(n int) *build.Artifact { return numbered(n) }
func (p *place) Drift(string)                   { p.shop.Push("Deploy by hand") }

func (p *place) CrashAfter(steps int) func() bool {
	p.left.Store(int64(steps))
	return func() bool { return p.left.Swap(1<<60) < 0 }
}

// open opens the app as a deployer does.
func (p *place) open(t *testing.T) target.Target {
	t.Helper()
	app, err := p.Open()
	require.NoError(t, err)
	return app
}

// order is the number-th order, for the n-th app.
func order(number uint64, n int, why target.Intent) target.Order {
	return target.Order{Number: number, Epoch: 1, Intent: why, Release: target.Release{
		ID: fmt.Sprintf("%d-%07x", n, n), Revision: fmt.Sprintf("%040x", n), Digest: numbered(n).Digest,
	}}
}

// ship prepares and activates the n-th app.
func ship(t *testing.T, app target.Target, number uint64, n int) {
	t.Helper()
	require.NoError(t, app.Prepare(t.Context(), order(number, n, target.Forward), numbered(n)))
	require.NoError(t, app.Activate(t.Context(), order(number, n, target.Forward)))
}

// unit reads the app.
func unit(t *testing.T, app target.Target) target.Unit {
	t.Helper()
	s, err := app.Observe(context.WithoutCancel(t.Context()), target.Order{})
	require.NoError(t, err)
	require.Len(t, s.Units, 1)
	return s.Units[0]
}

func TestAnAppPassesTheSuite(t *testing.T) {
	targettest.TestTargetInVirtualTime(t, func(targettest.TB) targettest.Place { return slow() })
}

func TestAnAppOnAServerThatTakesItsTimePassesTheSuite(t *testing.T) {
	targettest.TestTarget(t, func(t targettest.TB) targettest.Place {
		p := networked(t)
		p.shop.Polls, p.shop.Preboot = 1, true
		return p
	})
}

// troubled breaks every seventh request of each kind, in another way each time. That is
// rare enough for none to be broken as often as it is repeated, also where several
// deployers ask side by side.
func troubled(p *place) {
	ways := []herokutest.Fault{{Refuse: 503}, {Drop: true}, {Twice: true}, {Lose: true}, {Half: true}, {Refuse: 500}, {Twice: true, Drop: true}}
	var mu sync.Mutex
	kinds, broken := map[string]int{}, 0
	p.Break(func(r *http.Request) herokutest.Fault {
		mu.Lock()
		defer mu.Unlock()
		kind := r.Method + " " + r.URL.Path
		if strings.HasPrefix(r.URL.Path, "/blobs/") {
			kind = "PUT blobs" // each has an address of its own
		}
		if kinds[kind]++; kinds[kind]%7 != 1 {
			return herokutest.Fault{}
		}
		broken++
		return ways[broken%len(ways)]
	})
}

func TestAnAppInTroublePassesTheSuite(t *testing.T) {
	targettest.TestTargetInVirtualTime(t, func(targettest.TB) targettest.Place {
		p := slow()
		troubled(p)
		return p
	})
}

type decorated struct{ target.Target }

func (d decorated) Unwrap() target.Target { return d.Target }

type behind struct{ *place }

func (b behind) Open() (target.Target, error) {
	app, err := b.place.Open()
	return decorated{app}, err
}

func TestAnAppBehindADecoratorPassesTheSuite(t *testing.T) {
	targettest.TestTargetInVirtualTime(t, func(targettest.TB) targettest.Place { return behind{slow()} })
}
