//go:build integration

package ec2target_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
)

func init() { roles["app"] = app }

// The kinds of releases. One that is sick when it is cold comes up only where another one
// has been up before: what fresh instances run is different.
const (
	well     = "well"
	coldSick = "sick when cold"
)

// app serves the release in which it was started, and no other in all its life. Where it
// listens is beside the releases.
func app() int {
	kind, err := os.ReadFile("kind")
	if _, cold := os.Stat("../../shared/warm"); err != nil || string(kind) == coldSick && cold != nil {
		fmt.Fprintln(os.Stderr, "the app says: no such table")
		return 1
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err == nil {
		err = os.WriteFile("../../shared/warm", nil, 0o644)
	}
	if err == nil {
		err = os.WriteFile("../../shared/address.new", []byte(l.Addr().String()), 0o644)
	}
	if err == nil {
		err = os.Rename("../../shared/address.new", "../../shared/address")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
	})}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	select {
	case <-ended:
		return 1
	case <-ctx.Done():
	}
	_ = server.Shutdown(context.Background()) // requests under way are answered
	return 0
}
