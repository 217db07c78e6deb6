//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/internal/partstest/browsertest"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/pipeline"
)

// patience is how long a build and its deploy may take on a machine that is busy.
const patience = 5 * time.Minute

// team has an app in a repository, two buckets, and the binary of this example.
type team struct {
	t                    *testing.T
	server               *s3servertest.Server
	app, binary          string
	env                  []string
	site, deploys, front string
}

// newTeam commits an app of the part ember, and serves the site's bucket as a website.
func newTeam(t *testing.T) *team {
	part, server := partstest.Dir(t, "ember"), s3servertest.Start(t)
	m := &team{t: t, server: server, app: filepath.Join(t.TempDir(), "app"), binary: filepath.Join(t.TempDir(), "ember-s3")}
	m.site, m.deploys = server.Bucket(t), server.Bucket(t)
	require.NoError(t, os.CopyFS(m.app, os.DirFS(filepath.Join(part, "modern"))))
	require.NoError(t, os.RemoveAll(filepath.Join(m.app, "tmp")))
	// Packages come from where the set-up has put them.
	m.write(".npmrc", 0o644, "prefer-offline=true\nstore-dir="+filepath.Join(part, "pnpm-store")+"\n")
	m.write("bin/ci", 0o755, "#!/bin/sh\ntest -f package.json\n")
	m.command("git", "init", "--quiet", "--initial-branch=main")

	keys, err := server.Config().Credentials.Retrieve(t.Context())
	require.NoError(t, err)
	home := t.TempDir()
	m.env = []string{
		"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "USER=mia",
		"PATH=" + filepath.Join(part, "tools/node_modules/.bin") + ":" + os.Getenv("PATH"),
		"AWS_ENDPOINT_URL=" + server.Endpoint, "AWS_REGION=us-east-1",
		"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey,
		"REPOSITORY=" + m.app, "BUCKET=" + m.site, "DEPLOYS_BUCKET=" + m.deploys,
	}
	out, err := exec.Command("go", "build", "-o", m.binary, ".").CombinedOutput()
	require.NoError(t, err, string(out))
	web := httptest.NewServer(http.HandlerFunc(m.serve))
	t.Cleanup(web.Close)
	m.front = web.URL
	return m
}

func (m *team) write(name string, mode os.FileMode, content string) {
	m.t.Helper()
	path := filepath.Join(m.app, name)
	require.NoError(m.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(m.t, os.WriteFile(path, []byte(content), mode))
}

// command runs a program in the repository.
func (m *team) command(words ...string) string {
	m.t.Helper()
	c := exec.Command(words[0], words[1:]...)
	c.Dir = m.app
	out, err := c.CombinedOutput()
	require.NoError(m.t, err, "%v: %s", words, out)
	return strings.TrimSpace(string(out))
}

// commit lets the app's page say something else, and returns the revision.
func (m *team) commit(says string) string {
	m.t.Helper()
	m.write("app/templates/application.gjs", 0o644, `<template><h1 id="said">{{40}}2 `+says+`</h1></template>`+"\n")
	m.command("git", "add", "-A")
	m.command("git", "-c", "user.name=mia", "-c", "user.email=mia@example.com", "commit", "--quiet", "--message", says)
	return m.command("git", "rev-parse", "HEAD")
}

// serve serves the bucket as a website does.
func (m *team) serve(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" {
		key = "index.html"
	}
	out, err := m.server.Client().GetObject(r.Context(), &s3.GetObjectInput{Bucket: &m.site, Key: &key})
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer out.Body.Close()
	w.Header().Set("Content-Type", *out.ContentType)
	w.Header().Set("Cache-Control", *out.CacheControl)
	_, _ = io.Copy(w, out.Body) // The browser may have gone away.
}

// tool runs the binary as people do, and returns what it prints.
func (m *team) tool(words ...string) string {
	m.t.Helper()
	c := exec.Command(m.binary, words...)
	c.Env = m.env
	out, err := c.CombinedOutput()
	require.NoError(m.t, err, "%v: %s", words, out)
	return string(out)
}

func (m *team) status() (s pipeline.Status) {
	m.t.Helper()
	require.NoError(m.t, json.Unmarshal([]byte(m.tool("status", "-json")), &s))
	return s
}

// run starts the deployer, which ends with the test and shows its log if that fails.
func (m *team) run() {
	var log bytes.Buffer
	c := exec.Command(m.binary, "run")
	c.Env, c.Stdout, c.Stderr = m.env, &log, &log
	require.NoError(m.t, c.Start())
	m.t.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		if err := c.Wait(); err != nil || m.t.Failed() {
			m.t.Logf("the deployer ended with %v:\n%s", err, &log)
		}
	})
}

// until waits for a status.
func (m *team) until(what string, holds func(pipeline.Status) bool) pipeline.Status {
	m.t.Helper()
	for begin := time.Now(); ; time.Sleep(500 * time.Millisecond) {
		s := m.status()
		if holds(s) {
			return s
		}
		if time.Since(begin) > patience {
			m.t.Fatalf("not %s after %v: %s", what, patience, m.tool("status"))
		}
	}
}

// explains waits until a commit is not live for a reason.
func (m *team) explains(revision, reason string) {
	m.t.Helper()
	m.until("held up by "+reason, func(pipeline.Status) bool { return strings.Contains(m.tool("why", revision), reason) })
}

// sees waits until a revision is live, and opens the site.
func (m *team) sees(revision, says string) {
	m.t.Helper()
	m.until("live: "+says, func(s pipeline.Status) bool { return s.Live != nil && s.Live.Revision == revision && s.Open == nil })
	assert.Contains(m.t, browsertest.DOM(m.t, m.front), ">402 "+says+"</h1>")
}

// From git to a bucket, with a hold, a rollback and a resume: what a team does, by the
// commands that it types.
func TestRealEmberAppGoesFromGitToABucket(t *testing.T) {
	m := newTeam(t)
	first := m.commit("first")
	m.run()
	m.sees(first, "first")

	m.tool("hold", "-reason", "the fair is open")
	second := m.commit("second")
	m.explains(second, "the fair is open")
	assert.Equal(t, first, m.status().Live.Revision)
	m.tool("unhold", m.status().Holds[0].ID)
	m.sees(second, "second")

	before := m.keys(m.site)
	m.tool("rollback", "-yes", "-wait", "-reason", "the second is broken")
	m.sees(first, "first")
	assert.Equal(t, before, m.keys(m.site), "a rollback adds no object")
	third := m.commit("third")
	m.explains(third, "the second is broken")
	assert.Equal(t, first, m.status().Live.Revision)
	m.tool("resume", "-from", third, "-reason", "fixed")
	m.sees(third, "third")
}

// keys lists a bucket, but for the pointer.
func (m *team) keys(bucket string) (all []string) {
	m.t.Helper()
	out, err := m.server.Client().ListObjectsV2(m.t.Context(), &s3.ListObjectsV2Input{Bucket: &bucket})
	require.NoError(m.t, err)
	for _, o := range out.Contents {
		if *o.Key == "current.json" {
			continue
		}
		all = append(all, *o.Key)
	}
	return all
}
