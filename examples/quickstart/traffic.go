package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// answer is what the shop said.
type answer struct{ page, digest string }

// ask makes one request. Anything but 200 is an error.
func ask(ctx context.Context, client *http.Client, url string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return answer{}, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	text := strings.TrimSpace(string(body))
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", resp.Status, text)
	}
	return answer{text, resp.Header.Get("Muster-Artifact")}, err
}

// traffic asks through the balancer without a pause, as customers do.
type traffic struct {
	url    string
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu     sync.Mutex
	served map[string]int // requests, by the page that they got
	failed int
	first  error // of the failed ones
}

// customers ask at the same time.
const customers = 4

func newTraffic(url string) *traffic {
	ctx, cancel := context.WithCancel(context.Background())
	t := &traffic{url: url, cancel: cancel, served: map[string]int{}}
	for range customers {
		t.done.Go(func() { t.customer(ctx) })
	}
	return t
}

func (t *traffic) customer(ctx context.Context) {
	client := &http.Client{Transport: &http.Transport{}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	for tick := time.NewTicker(8 * time.Millisecond); ; {
		select {
		case <-tick.C:
			// A request that was begun is ended, so that stopping fails none.
			a, err := ask(context.WithoutCancel(ctx), client, t.url)
			t.count(a, err)
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

func (t *traffic) count(a answer, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		t.served[a.page]++
		return
	}
	t.failed++
	if t.first == nil {
		t.first = err
	}
}

// so says how many requests got a page so far.
func (t *traffic) so(page string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.served[page]
}

// total is what came of all requests so far, and the first failure.
func (t *traffic) total() (served, failed int, first error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.served {
		served += n
	}
	return served, t.failed, t.first
}

// stop returns when the last answer is there. It may be called twice.
func (t *traffic) stop() {
	t.cancel()
	t.done.Wait()
}
