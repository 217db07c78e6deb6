//go:build integration

package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest/teamtest"
)

// cluster is the app's config/puma.rb: what a phased restart over a link needs.
const cluster = `threads 1, 2
port ENV.fetch("PORT")
environment ENV.fetch("RAILS_ENV")
pidfile ENV.fetch("PIDFILE")
workers 2
prune_bundler
directory File.expand_path("../../../current", __dir__)
`

const named = `Rails.application.config.action_dispatch.default_headers["Muster-Artifact"] = "sha256:#{Rails.root.basename}"` + "\n"

// load asks the three hosts all the time, each directly: no balancer hides a failure.
type load struct {
	stop  chan struct{}
	hosts sync.WaitGroup

	mu       sync.Mutex
	answered int
	failed   []string
}

func startLoad(ports int) *load {
	l := &load{stop: make(chan struct{})}
	for n := range 3 {
		l.hosts.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				case <-time.After(25 * time.Millisecond):
				}
				_, _, err := page(ports + 11 + n)
				l.mu.Lock()
				l.answered++
				if err != nil {
					l.failed = append(l.failed, fmt.Sprintf("host %d at %s: %v", n+1, time.Now().Format(time.StampMilli), err))
				}
				l.mu.Unlock()
			}
		})
	}
	return l
}

func (l *load) end(t *testing.T) {
	t.Helper()
	close(l.stop)
	l.hosts.Wait()
	t.Logf("%d requests to the hosts, %d failed", l.answered, len(l.failed))
	assert.Empty(t, l.failed)
	assert.Greater(t, l.answered, 100)
}

// page reads the app's page on one host, and the release that it names. Each request has
// a connection of its own.
func page(port int) (text, artifact string, err error) {
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(fmt.Sprintf("http://127.0.0.1:%d/", port))
	if err != nil {
		return "", "", err
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err == nil && r.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %.200s", r.Status, body)
	}
	return string(body), r.Header.Get("Muster-Artifact"), err
}

// From git to three hosts by sshd, with a hold, a rollback and a resume, under load: what
// a team does, by the one command that the script documents. Puma is the one of the app,
// and replaces its workers in phases.
func TestRealRailsAppGoesFromGitToAFleetWithoutAFailedRequest(t *testing.T) {
	m := teamtest.NewRails(t)
	m.Write("config/puma.rb", cluster)
	m.Write("config/initializers/muster.rb", named)
	ports := m.Local("local")
	says := func(text string) {
		t.Helper()
		digest := m.Status().Live.Digest
		for n := range 3 {
			body, artifact, err := page(ports + 11 + n)
			require.NoError(t, err)
			require.Contains(t, body, text)
			require.Equal(t, digest, artifact)
		}
	}
	commit := func(from, to string) string {
		m.Edit("app/controllers/pages_controller.rb", from, to)
		return m.Commit()
	}
	first := commit("hello from muster", "the first")
	m.Run()
	m.Live(first)
	says("the first")
	pumas := masters(t, m)
	l := startLoad(ports)

	m.Type("hold", "-reason", "the fair is open")
	second := commit("the first", "the second")
	m.Waits(second, "the fair is open")
	says("the first")
	m.Type("unhold", m.Status().Holds[0].ID)
	m.Live(second)
	says("the second")

	m.Type("rollback", "-yes", "-wait", "-reason", "the second is broken")
	says("the first")
	third := commit("the second", "the third")
	m.Waits(third, "the second is broken")
	says("the first")
	m.Type("resume", "-from", third, "-reason", "mended")
	m.Live(third)
	says("the third")
	l.end(t)
	assert.Equal(t, pumas, masters(t, m), "puma itself was not restarted")
}

// masters are the process numbers of the hosts' pumas.
func masters(t *testing.T, m *teamtest.Team) (pids []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(m.Machines, "*/app/shared/pids/server.pid"))
	require.NoError(t, err)
	require.Len(t, files, 3)
	for _, file := range files {
		pid, err := os.ReadFile(file)
		require.NoError(t, err)
		pids = append(pids, strings.TrimSpace(string(pid)))
	}
	return pids
}
