//go:build integration

package bench

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/servertest"
)

// TestMain makes this binary a proxy, too: its arguments say from where, to where and
// how slow. A proxy in the process that is measured would take its processors from one
// tool and not from the other.
func TestMain(m *testing.M) {
	if len(os.Args) == 5 && os.Args[1] == "proxy" {
		fmt.Fprintln(os.Stderr, serveSlowly(os.Args[2], os.Args[3], os.Args[4]))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func serveSlowly(address, target, latency string) error {
	d, err := time.ParseDuration(latency)
	if err != nil {
		return err
	}
	p := faultproxy.New(target, faultproxy.Faults{})
	p.Latency = d
	return http.ListenAndServe(address, p)
}

// slowly returns an endpoint that leads to another one in a process of its own, and adds
// latency to each request.
func slowly(b *testing.B, endpoint string, latency time.Duration) string {
	return "http://" + servertest.Start(b, func(port string) []string {
		return []string{os.Args[0], "proxy", net.JoinHostPort("127.0.0.1", port), endpoint, latency.String()}
	})
}
