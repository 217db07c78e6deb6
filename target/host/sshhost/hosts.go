package sshhost

import (
	"context"
	"errors"
	"sync"

	"github.com/muster-deploy/muster/target/host"
)

// Hosts reach many hosts in the same way. Each has one Transport, which is made when it
// is first asked for. The zero value with a Config is ready to use, by many goroutines at
// once.
//
//	hosts := &sshhost.Hosts{Config: sshhost.Config{User: "deploy", KnownHosts: known, Agent: socket}}
//	defer hosts.Close()
//	tr := hosts.Host("web-1.internal")
type Hosts struct {
	// Config is how each is reached. Its Address is empty.
	Config Config

	mu     sync.Mutex
	made   map[string]*Transport
	closed bool
}

// Host returns the transport to an address: the same one each time. It connects to
// nobody. What is wrong with the config, or with the files that it names, is the error of
// whatever is run, until it is right.
func (h *Hosts) Host(address string) host.Transport {
	h.mu.Lock()
	defer h.mu.Unlock()
	if t := h.made[address]; t != nil {
		return t
	}
	if h.closed {
		return unreachable{errors.New("run script by ssh: the hosts are closed")}
	}
	c := h.Config
	c.Address = address
	t, err := New(c)
	if err != nil {
		return unreachable{err}
	}
	if h.made == nil {
		h.made = map[string]*Transport{}
	}
	h.made[address] = t
	return t
}

// Close ends all connections, and with them what is under way.
func (h *Hosts) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	var all []error
	for _, t := range h.made {
		all = append(all, t.Close())
	}
	return errors.Join(all...)
}

// unreachable is the way to a host that there is none to.
type unreachable struct{ err error }

// Run implements host.Transport.
func (u unreachable) Run(context.Context, host.Call) error { return u.err }
