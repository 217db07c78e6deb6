package sshhost

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/muster-deploy/muster/target/host"
)

// Transport is a host.Transport. Make one with New for each host. It may be used by
// many goroutines at once.
type Transport struct {
	c       Config
	signers []ssh.Signer
	trust   ssh.HostKeyCallback
	kinds   []string      // of the host's keys that are known
	slots   chan struct{} // of the sessions
	turn    chan struct{} // held by who looks for the connection

	mu     sync.Mutex
	now    *connection // nil at first
	closed bool
}

var _ host.Transport = (*Transport)(nil)

// New checks the config, all of it, and reads the keys and the known hosts. It
// connects to nobody.
func New(c Config) (*Transport, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("ssh to %q: %w", c.Address, err)
	}
	c.fill()
	signers, err := c.signers()
	trust, kinds, unknown := c.trust()
	if err := errors.Join(err, unknown); err != nil {
		return nil, fmt.Errorf("ssh to %q: %w", c.Address, err)
	}
	return &Transport{
		c: c, signers: signers, trust: trust, kinds: kinds,
		slots: make(chan struct{}, c.Sessions), turn: make(chan struct{}, 1),
	}, nil
}

// Run implements host.Transport.
func (t *Transport) Run(ctx context.Context, c host.Call) error {
	err := t.run(ctx, c)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("run script by ssh: %w", err)
	}
	return nil
}

func (t *Transport) run(ctx context.Context, c host.Call) error {
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-t.slots }()
	conn, channel, requests, err := t.open(ctx)
	if err != nil {
		return err
	}
	s := newSession(channel, requests, c)
	if err := s.start(command(c)); err != nil {
		channel.Close()
		return err
	}
	select {
	case <-s.ended:
	case <-ctx.Done():
		t.kill(conn, s)
	}
	return s.result()
}

// open opens a session. A connection that turns out to be gone is replaced once:
// nothing has been asked of it yet.
func (t *Transport) open(ctx context.Context) (*connection, ssh.Channel, <-chan *ssh.Request, error) {
	for again := true; ; again = false {
		conn, err := t.connect(ctx)
		if err != nil {
			return nil, nil, nil, err
		}
		channel, requests, err := conn.session(ctx)
		if err == nil {
			return conn, channel, requests, nil
		}
		var refused *ssh.OpenChannelError
		if !again || errors.As(err, &refused) {
			return nil, nil, nil, fmt.Errorf("open a session on %s: %w", t.c.Address, err)
		}
		conn.Close()
		<-conn.gone
	}
}

// session opens a session. A server counts one until it has seen its process end, which
// may be after we have: where it says that it has as many as it may have, it is asked
// again for a second or so. Nothing has been asked of the session yet.
func (c *connection) session(ctx context.Context) (ssh.Channel, <-chan *ssh.Request, error) {
	for pause := 10 * time.Millisecond; ; pause *= 2 {
		channel, requests, err := c.OpenChannel("session", nil)
		var refused *ssh.OpenChannelError
		if !errors.As(err, &refused) || pause > time.Second {
			return channel, requests, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
	}
}

// Close ends the connection, and with it what is under way. A closed transport runs
// nothing more.
func (t *Transport) Close() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.now == nil {
		return nil
	}
	if err := t.now.Close(); err != nil && t.now.alive() {
		return fmt.Errorf("close connection to %s: %w", t.c.Address, err)
	}
	return nil
}
