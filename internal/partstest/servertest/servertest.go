// Package servertest starts servers for tests and stops them, whatever becomes of the
// test.
package servertest

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// patience is how long a server may take until it listens.
const patience = 30 * time.Second

// guard runs a server until its own input ends, which is when the test, or the
// process of the test, is gone.
const guard = `"$@" & read -r _; kill -9 $!; wait`

// Start starts a server, whose command line the function makes for a free port on
// 127.0.0.1, and returns its address once it listens. It is killed when the test
// ends.
func Start(t testing.TB, command func(port string) []string) (address string) {
	t.Helper()
	address = free(t)
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command("sh", append([]string{"-c", guard, "sh"}, command(port)...)...)
	log := &output{}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = t.TempDir()
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatalf("start a server: %v", err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatalf("start a server: %v", err)
	}
	t.Cleanup(func() {
		input.Close()
		// The server was killed: how it ended says nothing.
		_ = cmd.Wait()
		if t.Failed() && os.Getenv("MUSTER_SERVER_LOG") != "" {
			t.Logf("%s\n%s", cmd.Args[4], log)
		}
	})
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		c, err := net.Dial("tcp", address)
		if err == nil {
			c.Close()
			return address
		}
		if time.Since(begin) > patience {
			t.Fatalf("%s does not listen on %s after %s: %v\n%s", cmd.Args[4], address, patience, err, log)
		}
	}
}

// free returns an address on which nobody listens.
func free(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("look for a free port: %v", err)
	}
	defer l.Close()
	return l.Addr().String()
}

// output is what a server has said.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}
