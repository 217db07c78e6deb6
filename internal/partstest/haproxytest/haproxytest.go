// Package haproxytest starts a haproxy before hosts. It is the fleet.Balancer of a real
// load balancer, steered by its admin socket.
package haproxytest

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/muster-deploy/muster/target/fleet"
)

// Balancer is a running haproxy. At first no host is in service.
type Balancer struct {
	// URL is where it takes requests.
	URL string

	socket string
}

// A request gets a connection of its own to a host, so that none is sent into one that
// was unplugged meanwhile; what cannot connect is tried on another host.
const config = `global
	stats socket %[1]s mode 600 level admin
	stats timeout 10m
defaults
	mode http
	timeout connect 500ms
	timeout client 30s
	timeout server 20s
	timeout queue 20s
	retries 5
	option redispatch 1
	option http-server-close
	http-reuse never
	retry-on conn-failure
frontend in
	bind %[2]s
	default_backend app
backend app
	balance leastconn
	option httpchk GET %[3]s
	default-server check inter 200ms fall 2 rise 1 disabled
%[4]s`

// guard ends haproxy when the test, or its process, is gone.
const guard = `haproxy -db -f "$1" &
read -r _
kill -9 $!
wait`

// Start starts a haproxy before hosts, name to address, which ends with the test.
func Start(t testing.TB, hosts map[string]string, health string) *Balancer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	dir, err := os.MkdirTemp("", "haproxy") // the name of a socket has to be short
	if err != nil {
		t.Fatal(err)
	}
	b := &Balancer{URL: "http://" + address, socket: filepath.Join(dir, "admin")}
	var servers strings.Builder
	for name, at := range hosts {
		fmt.Fprintf(&servers, "\tserver %s %s\n", name, at)
	}
	file := filepath.Join(dir, "haproxy.cfg")
	if err := os.WriteFile(file, fmt.Appendf(nil, config, b.socket, address, health, servers.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	log := &strings.Builder{}
	cmd := exec.Command("sh", "-c", guard, "sh", file)
	cmd.Stdout, cmd.Stderr = log, log
	in, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		_ = cmd.Wait()
		_ = os.RemoveAll(dir)
	})
	for begun := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if _, err = b.ask(t.Context(), "show info"); err == nil {
			return b
		}
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("haproxy does not start: %v\n%s", err, log)
		}
	}
}

// ask sends one command.
func (b *Balancer) ask(ctx context.Context, command string) (string, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "unix", b.socket)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, command+"\n"); err != nil {
		return "", err
	}
	out, err := io.ReadAll(conn)
	return string(out), err
}

// server reads the row of one host: its status, and how many sessions it has.
func (b *Balancer) server(ctx context.Context, name string) (status string, sessions int, err error) {
	out, err := b.ask(ctx, "show stat app 4 -1")
	if err != nil {
		return "", 0, err
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(strings.TrimSpace(out), "# "))).ReadAll()
	if err != nil || len(rows) == 0 {
		return "", 0, fmt.Errorf("read haproxy's numbers: %w", err)
	}
	column := map[string]int{}
	for i, title := range rows[0] {
		column[title] = i
	}
	for _, row := range rows[1:] {
		if row[column["svname"]] == name {
			sessions, err := strconv.Atoi(row[column["scur"]])
			return row[column["status"]], sessions, err
		}
	}
	return "", 0, fmt.Errorf("haproxy knows no host %q", name)
}

// state sets the state of a host and waits until it is as it should be.
func (b *Balancer) state(ctx context.Context, name, state string, reached func(status string, sessions int) bool) error {
	if out, err := b.ask(ctx, "set server app/"+name+" state "+state); err != nil || strings.TrimSpace(out) != "" {
		return fmt.Errorf("set %s to %s: %s %w", name, state, strings.TrimSpace(out), err)
	}
	for {
		status, sessions, err := b.server(ctx, name)
		if err != nil {
			return err
		}
		if reached(status, sessions) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to be %s: it is %s with %d sessions: %w", name, state, status, sessions, context.Cause(ctx))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Register implements fleet.Balancer.
func (b *Balancer) Register(ctx context.Context, h fleet.Host) error {
	return b.state(ctx, h.Name, "ready", func(status string, _ int) bool { return strings.HasPrefix(status, "UP") })
}

// Deregister implements fleet.Balancer.
func (b *Balancer) Deregister(ctx context.Context, h fleet.Host) error {
	if err := b.state(ctx, h.Name, "drain", func(_ string, sessions int) bool { return sessions == 0 }); err != nil {
		return err
	}
	return b.state(ctx, h.Name, "maint", func(status string, _ int) bool { return strings.HasPrefix(status, "MAINT") })
}
