package sshhost

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// connection is one connection to the host, while it lasts.
type connection struct {
	*ssh.Client
	gone chan struct{} // closed when it has ended
}

// alive says whether the connection is known to have ended.
func (c *connection) alive() bool {
	select {
	case <-c.gone:
		return false
	default:
		return true
	}
}

// connect returns the connection, which is made if there is none. Of several who
// need it, one makes it, and the others wait.
func (t *Transport) connect(ctx context.Context) (*connection, error) {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-t.turn }()
	t.mu.Lock()
	now, closed := t.now, t.closed
	t.mu.Unlock()
	switch {
	case closed:
		return nil, errors.New("the transport is closed")
	case now != nil && now.alive():
		return now, nil
	}
	c, err := t.dial(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", t.c.Address, err)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.now = c
	if t.closed {
		c.Close()
		return nil, errors.New("the transport is closed")
	}
	return c, nil
}

// dial makes a connection, and looks after it.
func (t *Transport) dial(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithTimeout(ctx, t.c.DialLimit)
	defer cancel()
	conn, err := t.c.Dial(ctx, "tcp", t.c.Address)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	auth, release := t.auth(ctx)
	defer release()
	sc, channels, requests, err := ssh.NewClientConn(conn, t.c.Address, &ssh.ClientConfig{
		User: t.c.User, Auth: auth, HostKeyCallback: t.trust, HostKeyAlgorithms: t.kinds,
	})
	if !stop() && err == nil {
		sc.Close()
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
	c := &connection{ssh.NewClient(sc, channels, requests), make(chan struct{})}
	go func() {
		defer close(c.gone)
		_ = c.Wait()
	}()
	go c.keepAlive(t.c.Keepalive)
	return c, nil
}

// auth are the ways to prove who we are. The agent is connected to while they last.
func (t *Transport) auth(ctx context.Context) (auth []ssh.AuthMethod, release func()) {
	release = func() {}
	if len(t.signers) > 0 {
		auth = append(auth, ssh.PublicKeys(t.signers...))
	}
	if t.c.Agent == "" {
		return auth, release
	}
	conn, err := new(net.Dialer).DialContext(ctx, "unix", t.c.Agent)
	if err != nil {
		fails := func() ([]ssh.Signer, error) { return nil, fmt.Errorf("reach the agent: %w", err) }
		return append(auth, ssh.PublicKeysCallback(fails)), release
	}
	return append(auth, ssh.PublicKeysCallback(agent.NewClient(conn).Signers)), func() { conn.Close() }
}

// keepAlive drops the connection once it does not answer.
func (c *connection) keepAlive(every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	answered := make(chan struct{}, 1)
	answered <- struct{}{}
	for {
		select {
		case <-c.gone:
			return
		case <-tick.C:
		}
		select {
		case <-answered:
		default:
			c.Close()
			return
		}
		go func() {
			if _, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err == nil {
				answered <- struct{}{}
			}
		}()
	}
}
