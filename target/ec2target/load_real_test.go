//go:build integration

package ec2target_test

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// load is clients behind a balancer that sends requests to what is in service, and to
// nothing else. Each request has a connection of its own, and none is tried again.
type load struct {
	w       *world
	stop    chan struct{}
	clients sync.WaitGroup

	mu       sync.Mutex
	answered int
	failed   []string
	heard    map[string][]string // by instance: the releases that answered, in order
}

func (w *world) load() *load {
	l := &load{w: w, stop: make(chan struct{}), heard: map[string][]string{}}
	for n := range 4 {
		l.clients.Go(func() {
			for ; ; n++ {
				select {
				case <-l.stop:
					return
				case <-time.After(20 * time.Millisecond):
					l.request(n)
				}
			}
		})
	}
	return l
}

func (l *load) request(n int) {
	in := l.w.Healthy(l.w.orders.ARN)
	if len(in) == 0 {
		l.note("", "", fmt.Errorf("nobody is in service"))
		return
	}
	id := in[n%len(in)]
	under := l.w.requests(id)
	under.RLock()
	defer under.RUnlock()
	if slices.Contains(l.w.Healthy(l.w.orders.ARN), id) { // it has not left meanwhile
		digest, err := l.w.ask(id)
		l.note(id, digest, err)
	}
}

func (l *load) note(id, digest string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answered++
	if err != nil {
		l.failed = append(l.failed, fmt.Sprintf("%s at %s: %v", id, time.Now().Format(time.StampMilli), err))
		return
	}
	if all := l.heard[id]; len(all) == 0 || all[len(all)-1] != digest {
		l.heard[id] = append(all, digest)
	}
}

// heardOf are the releases by which an instance has answered, in order.
func (l *load) heardOf(id string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.heard[id])
}

// end stops the clients.
func (l *load) end() {
	close(l.stop)
	l.clients.Wait()
}
