package teamtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/muster-deploy/muster/internal/partstest"
)

// Local has the team deploy by an example's script local, on machines that end with the
// test. It returns the first of thirty ports, which the script is given as PORTS.
func (m *Team) Local(script string) (ports int) {
	m.t.Helper()
	ports = Ports(m.t, 30)
	parts := filepath.Dir(partstest.Dir(m.t, "s3"))
	partstest.Dir(m.t, "hosts")
	out, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		m.t.Fatal(err)
	}
	home := m.t.TempDir()
	m.Machines = filepath.Join(home, "*", "machines")
	m.Deployer = []string{"bash", script}
	m.Env = append(os.Environ(), "XDG_CACHE_HOME="+home, "GOCACHE="+strings.TrimSpace(string(out)), "MUSTER_PARTS="+parts,
		"USER=root", fmt.Sprint("PORTS=", ports), "REPOSITORY="+m.Dir)
	m.t.Cleanup(func() {
		if m.t.Failed() {
			logs, _ := filepath.Glob(m.Machines + "/*/app/shared/process/log")
			for _, log := range logs {
				text, _ := os.ReadFile(log)
				m.t.Logf("the end of %s:\n%s", log, text[max(0, len(text)-2000):])
			}
		}
		m.Type("stop")
	})
	m.Type("help") // two at once would start the machines twice
	return ports
}

// Ports returns the first of n ports in a row at which nobody listens.
func Ports(t testing.TB, n int) int {
	t.Helper()
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		first := l.Addr().(*net.TCPAddr).Port
		l.Close()
		if first+n < 1<<16 && allFree(first, n) {
			return first
		}
	}
	t.Fatalf("there are no %d free ports in a row", n)
	return 0
}

func allFree(first, n int) bool {
	for port := first; port < first+n; port++ {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		l.Close()
	}
	return true
}
