package local

import (
	"net/http"
	"strings"
)

// backend is one host as its balancer sees it, guarded by the balancer's lock.
type backend struct {
	name, address string
	transport     *http.Transport // its own, so that its idle connections can be closed
	in            bool
	flights       int
	served        uint64        // how many it was picked for
	empty         chan struct{} // nil, or closed when the last flight has ended
}

func newBackend(name, address string) *backend {
	return &backend{name: name, address: address, transport: &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}}
}

func byName(a, b *backend) int { return strings.Compare(a.name, b.name) }

// before says whether k is to be preferred.
func (k *backend) before(l *backend) bool {
	if k.flights != l.flights {
		return k.flights < l.flights
	}
	return k.served < l.served
}

func (k *backend) take() {
	k.flights++
	k.served++
}

func (k *backend) give() {
	k.flights--
	if k.flights == 0 && k.empty != nil {
		close(k.empty)
		k.empty = nil
	}
}

// drained returns what is closed once no request is under way.
func (k *backend) drained() <-chan struct{} {
	if k.flights == 0 {
		now := make(chan struct{})
		close(now)
		return now
	}
	if k.empty == nil {
		k.empty = make(chan struct{})
	}
	return k.empty
}
