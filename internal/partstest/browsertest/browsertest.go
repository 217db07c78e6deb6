// Package browsertest opens pages in Chromium for integration tests. It is of the part
// chromium.
package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/muster-deploy/muster/internal/partstest"
)

// patience is how long a page may take, the start of the browser included.
const patience = time.Minute

// Serve serves the directory dir on loopback until the test ends, and returns its URL.
func Serve(t testing.TB, dir string) string {
	t.Helper()
	s := httptest.NewServer(http.FileServer(http.Dir(dir)))
	t.Cleanup(s.Close)
	return s.URL
}

// DOM returns the page at url as it is once its scripts have run, as HTML. A browser
// that does not start, or does not come to an end, fails the test.
func DOM(t testing.TB, url string) string {
	t.Helper()
	partstest.Dir(t, "chromium")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--user-data-dir="+t.TempDir(), "--virtual-time-budget=10000", "--dump-dom", url)
	// Its renderers are of its group: none outlives the call, as they write to the
	// profile that is removed at the end of the test.
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
	out, err := c.Output()
	if c.Process != nil {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	}
	if err != nil {
		t.Fatalf("open %s in chromium: %v", url, err)
	}
	return string(out)
}
