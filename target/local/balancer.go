package local

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"slices"
	"sync"

	"github.com/muster-deploy/muster/target/fleet"
)

// Balancer spreads HTTP requests over the hosts that are registered with it. It is an
// http.Handler, and the fleet.Balancer of a deployer in the same process; from
// another process it is steered by a Remote. At first no host is registered: a fleet
// registers those that serve.
//
// A request goes to the host with the fewest under way. If a host refuses the connection,
// so that nothing was sent, and the request has no body, it is tried on the next one.
type Balancer struct {
	proxy httputil.ReverseProxy
	mu    sync.Mutex
	hosts []*backend // sorted by name
}

// NewBalancer returns a balancer before hosts, name to address ("127.0.0.1:8001"). Log
// is told of requests that failed; nil is silent.
func NewBalancer(hosts map[string]string, log *slog.Logger) *Balancer {
	b := &Balancer{}
	for name, address := range hosts {
		b.hosts = append(b.hosts, newBackend(name, address))
	}
	slices.SortFunc(b.hosts, byName)
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	b.proxy = httputil.ReverseProxy{
		Rewrite:      func(r *httputil.ProxyRequest) { r.SetXForwarded(); r.Out.Host = r.In.Host },
		Transport:    router{b},
		ErrorHandler: answerError(log),
	}
	return b
}

// ServeHTTP passes a request on. Without a host that takes it, it answers 503.
func (b *Balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var f flight
	defer f.land(b)
	b.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), flightKey{}, &f)))
}

// Register implements fleet.Balancer.
func (b *Balancer) Register(_ context.Context, h fleet.Host) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	k, err := b.find(h.Name)
	if err != nil {
		return err
	}
	k.in = true
	return nil
}

// Deregister implements fleet.Balancer: it returns once the requests under way on
// the host have ended.
func (b *Balancer) Deregister(ctx context.Context, h fleet.Host) error {
	b.mu.Lock()
	k, err := b.find(h.Name)
	if err != nil {
		b.mu.Unlock()
		return err
	}
	k.in = false
	drained := k.drained()
	b.mu.Unlock()
	select {
	case <-drained:
		k.transport.CloseIdleConnections()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("drain %s: %w", h.Name, context.Cause(ctx))
	}
}

// Registered lists the hosts that get requests, sorted by name.
func (b *Balancer) Registered() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	names := []string{}
	for _, k := range b.hosts {
		if k.in {
			names = append(names, k.name)
		}
	}
	return names
}

// find returns a host by its name. The lock is held.
func (b *Balancer) find(name string) (*backend, error) {
	for _, k := range b.hosts {
		if k.name == name {
			return k, nil
		}
	}
	return nil, fmt.Errorf("balancer knows no host %q", name)
}

// pick takes the registered host with the fewest requests under way for one more, of
// those that were not tried; nil if there is none. Of equals it takes the one that
// was idle for longest.
func (b *Balancer) pick(tried []*backend) *backend {
	b.mu.Lock()
	defer b.mu.Unlock()
	var best *backend
	for _, k := range b.hosts {
		if k.in && !slices.Contains(tried, k) && (best == nil || k.before(best)) {
			best = k
		}
	}
	if best != nil {
		best.take()
	}
	return best
}

// done gives a host back.
func (b *Balancer) done(k *backend) {
	b.mu.Lock()
	defer b.mu.Unlock()
	k.give()
}
