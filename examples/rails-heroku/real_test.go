//go:build integration

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
	"github.com/muster-deploy/muster/target/local"
)

// shop is the app's repository, and the deployer that was built from this directory.
type shop struct {
	dir, binary string
	env         []string
}

func newShop(t *testing.T, heroku string, token string) *shop {
	t.Helper()
	part := partstest.Dir(t, "rails")
	gems := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(part, "source"))))
	t.Cleanup(gems.Close)
	s := &shop{dir: filepath.Join(t.TempDir(), "app"), binary: filepath.Join(t.TempDir(), "rails-heroku")}
	require.NoError(t, os.CopyFS(s.dir, os.DirFS(filepath.Join(part, "app"))))
	for _, name := range []string{"Gemfile", "Gemfile.lock"} {
		text, err := os.ReadFile(filepath.Join(s.dir, name))
		require.NoError(t, err)
		s.write(t, name, strings.ReplaceAll(string(text), "http://127.0.0.1:9", gems.URL))
	}
	s.write(t, "bin/ci", "#!/bin/sh\nexec grep -q . Procfile\n")
	s.write(t, "Procfile", "web: bundle exec puma\nrelease: bundle exec rails db:migrate\n")
	s.write(t, "config/initializers/muster.rb", `Rails.application.config.action_dispatch.default_headers["Muster-Artifact"] = ENV["MUSTER_ARTIFACT"]`)
	s.run(t, s.dir, "git", "init", "--quiet", "--initial-branch=main")
	s.commit(t)
	s.run(t, ".", "go", "build", "-o", s.binary, ".")
	cache := t.TempDir()
	t.Setenv("PORT", fmt.Sprint(twoPorts(t)))
	t.Setenv("SECRET_KEY_BASE", "not for production")
	s.env = append(os.Environ(), "XDG_CACHE_HOME="+cache, "REPOSITORY="+s.dir,
		"HEROKU_APP=shop", "HEROKU_API_KEY="+token, "HEROKU_API_URL="+heroku)
	t.Cleanup(func() {
		web, err := local.New(fleet(cache + "/rails-heroku"))
		require.NoError(t, err)
		require.NoError(t, web.Stop(context.Background()))
	})
	return s
}

// twoPorts returns the first of two free ports.
func twoPorts(t *testing.T) int {
	t.Helper()
	for range 100 {
		first, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		port := first.Addr().(*net.TCPAddr).Port
		second, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port+1))
		first.Close()
		if err == nil {
			second.Close()
			return port
		}
	}
	t.Fatal("there are no two free ports")
	return 0
}

func (s *shop) write(t *testing.T, name, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o755))
}

func (s *shop) commit(t *testing.T) {
	t.Helper()
	s.run(t, s.dir, "git", "add", "-A")
	s.run(t, s.dir, "git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message=x")
}

func (s *shop) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir, c.Env = dir, s.env
	out, err := c.CombinedOutput()
	require.NoError(t, err, "%s %v: %s", name, args, out)
	return string(out)
}

// deploys runs the deployer until the test ends.
func (s *shop) deploys(t *testing.T) {
	t.Helper()
	out := &bytes.Buffer{}
	c := exec.Command(s.binary, "run")
	c.Env, c.Stdout, c.Stderr = s.env, out, out
	require.NoError(t, c.Start())
	t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		_ = c.Wait() // how it ended is said by its log
		t.Logf("the deployer:\n%s", out)
	})
}

// live waits until the repository's head is live everywhere.
func (s *shop) live(t *testing.T) {
	t.Helper()
	head := strings.TrimSpace(s.run(t, s.dir, "git", "rev-parse", "HEAD"))
	deadline := time.Now().Add(3 * time.Minute)
	for {
		text := s.run(t, ".", s.binary, "status", "-json")
		var now pipeline.Status
		require.NoError(t, json.Unmarshal([]byte(text), &now), text)
		if now.Live != nil && now.Live.Revision == head && now.Open == nil && len(now.Observed) == 2 {
			return
		}
		require.Nil(t, now.Stop, text)
		require.True(t, time.Now().Before(deadline), text)
		time.Sleep(200 * time.Millisecond)
	}
}

// page reads the app on the fleet.
func page(t *testing.T, port string) (text, artifact string) {
	t.Helper()
	client := http.Client{Timeout: 30 * time.Second}
	r, err := client.Get("http://127.0.0.1:" + port + "/")
	require.NoError(t, err)
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode)
	return string(body), r.Header.Get("Muster-Artifact")
}

func TestRealRailsAppGoesToHerokuAndToAFleetAndBack(t *testing.T) {
	platform := herokutest.New()
	app := platform.Create("shop")
	server := httptest.NewServer(platform)
	t.Cleanup(server.Close)
	token, _ := platform.Token(t.Context())
	s := newShop(t, server.URL, token)

	s.deploys(t)
	s.live(t)
	text, first := page(t, os.Getenv("PORT"))
	assert.Contains(t, text, "hello from muster")
	release := app.Current()
	assert.Contains(t, release.Description, first, "one artifact in both places")
	assert.Equal(t, "bundle exec rails db:migrate", release.Slug.Processes["release"])
	assert.Contains(t, release.Slug.Files, "config.ru")
	assert.Contains(t, release.Slug.Files, "Gemfile.lock")

	controller := filepath.Join(s.dir, "app/controllers/pages_controller.rb")
	before, err := os.ReadFile(controller)
	require.NoError(t, err)
	s.write(t, "app/controllers/pages_controller.rb", strings.ReplaceAll(string(before), "hello", "goodbye"))
	s.commit(t)
	s.live(t)
	text, second := page(t, os.Getenv("PORT"))
	assert.Contains(t, text, "goodbye from muster")
	assert.NotEqual(t, first, second)
	assert.Contains(t, app.Current().Description, second)

	slugs := len(app.Slugs())
	s.run(t, ".", s.binary, "rollback", "-yes", "-wait", "-reason", "it says goodbye")
	text, third := page(t, os.Getenv("PORT"))
	assert.Contains(t, text, "hello from muster")
	assert.Equal(t, first, third)
	assert.Contains(t, app.Current().Description, first)
	assert.Len(t, app.Slugs(), slugs, "nothing was uploaded to go back")
	assert.Contains(t, s.run(t, ".", s.binary, "status"), "fenced by best effort only")

	shop, err := heroku.New(heroku.Config{App: "shop", API: server.URL, Token: platform.Token})
	require.NoError(t, err)
	state, err := shop.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, target.Serving, state.Units[0].Condition)
}
