package crash

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/local"
)

// minimum is how many hosts have to serve at any time, besides the one at work.
const minimum = 1

// front stands before the hosts of a world, in a process that nobody kills. Clients ask
// it without a pause, and each host that is taken out is missed at once if too few others
// serve.
type front struct {
	*testing.T
	balancer *local.Balancer
	hosts    map[string]string // name to address
	admin    string            // where deployers steer it
	answered atomic.Int64

	mu       sync.Mutex
	open     bool // the first release serves
	problems []string
}

func newFront(t *testing.T, hosts map[string]string) *front {
	f := &front{T: t, hosts: hosts, balancer: local.NewBalancer(hosts, nil)}
	steer := f.balancer.Admin()
	admin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			f.takenOut(path.Base(r.URL.Path))
		}
		steer.ServeHTTP(w, r)
	}))
	t.Cleanup(admin.Close)
	f.admin = admin.URL
	return f
}

// takenOut is called before a host leaves the balancer: enough others have to be in it,
// and well.
func (f *front) takenOut(host string) {
	serve := 0
	for _, name := range f.balancer.Registered() {
		if name != host && f.well(name) {
			serve++
		}
	}
	if serve < minimum {
		f.note(fmt.Sprintf("%s was taken out while %d others served", host, serve))
	}
}

func (f *front) well(name string) bool {
	resp, err := http.Get("http://" + f.hosts[name])
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// note keeps what must not be. Before the first release there is nothing to miss.
func (f *front) note(problem string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open {
		f.problems = append(f.problems, time.Now().Format("15:04:05.000 ")+problem)
	}
}

// serve asks from now on until the test ends.
func (f *front) serve() {
	f.mu.Lock()
	f.open = true
	f.mu.Unlock()
	server := httptest.NewServer(f.balancer)
	ctx, stop := context.WithCancel(context.Background())
	var client sync.WaitGroup
	client.Go(func() {
		for ctx.Err() == nil {
			f.ask(server.URL)
			time.Sleep(2 * time.Millisecond) // it leaves the deployers some of the machine
		}
	})
	f.Cleanup(func() { stop(); client.Wait(); server.Close() })
}

func (f *front) ask(url string) {
	resp, err := http.Get(url)
	if err != nil {
		f.note("a request failed: " + err.Error())
		return
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		f.note("a request was answered by " + resp.Status)
		return
	}
	f.answered.Add(1)
}

// neverBelow wants nothing to have gone wrong since the last time.
func (f *front) neverBelow(name string) {
	f.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	require.Empty(f, f.problems, "%s:\n%s", name, strings.Join(f.problems, "\n"))
}
