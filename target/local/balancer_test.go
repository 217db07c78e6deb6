package local_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/local"
)

func itoa(n int) string { return strconv.Itoa(n) }

// TestRolloutUnderLoadFailsNoRequest ships, ships again and goes back while clients
// ask without a pause. The deployer steers the balancer from outside.
func TestRolloutUnderLoadFailsNoRequest(t *testing.T) {
	t.Parallel()
	conf := config(t, 3)
	b := local.NewBalancer(conf.Backends(), nil)
	front, admin := httptest.NewServer(b), httptest.NewServer(b.Admin())
	t.Cleanup(front.Close)
	t.Cleanup(admin.Close)
	conf.Fleet.Balancer = local.Remote{URL: admin.URL}
	c := start(t, conf)
	one, two := artifact(1, "ok"), artifact(2, "ok")
	require.NoError(t, c.ship(one))
	require.Equal(t, []string{"h1", "h2", "h3"}, b.Registered())

	ctx, cancel := context.WithCancel(t.Context())
	served, failed := load(ctx, front.URL)
	require.NoError(t, c.ship(two))
	back := c.order(one)
	back.Intent = target.Backward
	require.NoError(t, c.Activate(t.Context(), back))
	cancel()
	require.Zero(t, failed())
	require.Greater(t, served(), 10)
	c.serves(one)
}

// load asks until ctx ends, some hundred times a second. Both functions wait for the last answer.
func load(ctx context.Context, url string) (served, failed func() int) {
	var good, bad atomic.Int64
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for ctx.Err() == nil {
				resp, err := http.Get(url)
				if err != nil || resp.StatusCode != http.StatusOK {
					bad.Add(1)
				} else {
					good.Add(1)
				}
				if err == nil {
					_, _ = io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
				select {
				case <-ctx.Done():
				case <-time.After(10 * time.Millisecond):
				}
			}
		})
	}
	count := func(n *atomic.Int64) func() int {
		return func() int { clients.Wait(); return int(n.Load()) }
	}
	return count(&good), count(&bad)
}

// backend is a host that answers with its name, once it may.
func backend(t *testing.T, name string, hold <-chan struct{}, reached chan<- struct{}) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if hold != nil {
			reached <- struct{}{}
			<-hold
		}
		_, _ = io.WriteString(w, name)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func get(t *testing.T, h http.Handler, method, body string) (int, string) {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, "http://example.org/x", r))
	return w.Code, w.Body.String()
}

func TestDrainWaitsForRequestsUnderWay(t *testing.T) {
	t.Parallel()
	hold, reached := make(chan struct{}), make(chan struct{}, 1)
	b := local.NewBalancer(map[string]string{"slow": backend(t, "slow", hold, reached), "quick": backend(t, "quick", nil, nil)}, nil)
	slow, quick := fleet.Host{Name: "slow"}, fleet.Host{Name: "quick"}
	require.NoError(t, b.Register(t.Context(), slow))
	answered := make(chan string, 1)
	go func() { _, body := get(t, b, "GET", ""); answered <- body }()
	<-reached
	require.NoError(t, b.Register(t.Context(), quick))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, b.Deregister(ended, slow), context.Canceled, "it is still busy")
	_, body := get(t, b, "GET", "")
	require.Equal(t, "quick", body)
	require.NoError(t, b.Deregister(t.Context(), quick))
	code, _ := get(t, b, "GET", "")
	require.Equal(t, http.StatusServiceUnavailable, code, "a host that drains gets nothing new")
	drained := make(chan error, 1)
	go func() { drained <- b.Deregister(t.Context(), slow) }()
	close(hold)
	require.Equal(t, "slow", <-answered)
	require.NoError(t, <-drained)
	require.NoError(t, b.Deregister(t.Context(), slow), "what is so is no error")
}

func TestRefusedConnectionIsTriedElsewhereIfNothingWasSent(t *testing.T) {
	t.Parallel()
	dead := httptest.NewServer(nil)
	dead.Close()
	b := local.NewBalancer(map[string]string{"a": strings.TrimPrefix(dead.URL, "http://"), "b": backend(t, "b", nil, nil)}, nil)
	require.NoError(t, b.Register(t.Context(), fleet.Host{Name: "a"}))
	code, _ := get(t, b, "GET", "")
	require.Equal(t, http.StatusBadGateway, code)
	require.NoError(t, b.Register(t.Context(), fleet.Host{Name: "b"}))
	for range 4 {
		code, body := get(t, b, "GET", "")
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, "b", body)
	}
	codes := map[int]bool{}
	for range 4 {
		code, _ := get(t, b, "POST", "a body that is read but once")
		codes[code] = true
	}
	require.True(t, codes[http.StatusBadGateway], "what has a body is not repeated")
}

func TestBalancerWithoutHostsAnswers503(t *testing.T) {
	t.Parallel()
	code, _ := get(t, local.NewBalancer(nil, nil), "GET", "")
	require.Equal(t, http.StatusServiceUnavailable, code)
}

func TestAdminRefusesWhatIsNoDeployer(t *testing.T) {
	t.Parallel()
	b := local.NewBalancer(map[string]string{"a": "127.0.0.1:1"}, nil)
	admin := httptest.NewServer(b.Admin())
	t.Cleanup(admin.Close)
	code, _ := get(t, b.Admin(), "DELETE", "")
	require.Equal(t, http.StatusForbidden, code)
	r := local.Remote{URL: admin.URL + "/"}
	require.NoError(t, r.Register(t.Context(), fleet.Host{Name: "a"}))
	require.Equal(t, []string{"a"}, b.Registered())
	require.ErrorContains(t, r.Register(t.Context(), fleet.Host{Name: "no/such"}), `knows no host "no/such"`)
	require.NoError(t, r.Deregister(t.Context(), fleet.Host{Name: "a"}))
	require.Empty(t, b.Registered())
}
