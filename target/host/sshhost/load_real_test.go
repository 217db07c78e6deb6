//go:build integration

package sshhost_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"
)

// load asks for a page all the time, from several sides, and keeps what has failed.
type load struct {
	url    string
	client http.Client
	stop   context.CancelFunc
	work   sync.WaitGroup

	mu       sync.Mutex
	answered int
	failed   []failure
}

// failure is one request that was not answered as it should be.
type failure struct {
	begun, ended time.Time
	what         string
}

const loaders = 4

func startLoad(t *testing.T, url string) *load {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	l := &load{url: url, stop: stop, client: http.Client{Timeout: time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: loaders}}}
	for range loaders {
		l.work.Go(func() {
			for ctx.Err() == nil {
				l.ask()
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	t.Cleanup(l.end)
	return l
}

// ask asks once. It is not cut off when the load ends: each request has its answer.
func (l *load) ask() {
	begun := time.Now()
	what := ""
	if r, err := l.client.Get(l.url); err != nil {
		what = err.Error()
	} else {
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != http.StatusOK {
			what = fmt.Sprintf("%s %.80q %v", r.Status, body, err)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered++
	if what != "" {
		l.failed = append(l.failed, failure{begun, time.Now(), what})
	}
}

func (l *load) end() {
	l.stop()
	l.work.Wait()
}

// split tells the failed requests that were under way at one of the moments from those
// that were not.
func (l *load) split(moments []time.Time) (under, others []failure) {
	for _, f := range l.failed {
		found := false
		for _, at := range moments {
			found = found || f.begun.Before(at) && f.ended.After(at)
		}
		if found {
			under = append(under, f)
		} else {
			others = append(others, f)
		}
	}
	return under, others
}
