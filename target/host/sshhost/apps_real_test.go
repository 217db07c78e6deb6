//go:build integration

package sshhost_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/java"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/rails"
	"github.com/muster-deploy/muster/internal/partstest"
)

// app is an app of a part, of which two revisions are built.
type app struct {
	dir     string
	content string // a file with what the app answers,
	text    string // which it does with this
	builds  build.WorkshopConfig
}

// railsApp is the app of the part rails. Its gems are served on loopback.
func railsApp(t *testing.T) *app {
	t.Helper()
	part := partstest.Dir(t, "rails")
	gems := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(part, "source"))))
	t.Cleanup(gems.Close)
	b, err := rails.New(rails.Config{})
	require.NoError(t, err)
	a := newApp(t, filepath.Join(part, "app"), "app/controllers/pages_controller.rb", "hello from muster")
	a.builds.Builder, a.builds.Identity = build.Detect(b), b.Identity()
	for _, name := range []string{"Gemfile", "Gemfile.lock"} {
		a.edit(t, name, "http://127.0.0.1:9", gems.URL)
	}
	return a
}

// javaApp is the app of the part java that needs nothing but the JDK.
func javaApp(t *testing.T) *app {
	t.Helper()
	b, err := java.New(java.Config{})
	require.NoError(t, err)
	a := newApp(t, filepath.Join(partstest.Dir(t, "java"), "plain"), "src/main/java/app/Web.java", "hello from gradle")
	a.builds.Builder, a.builds.Identity = build.Detect(b), b.Identity()
	a.edit(t, "src/main/java/app/Web.java", `"127.0.0.1"`, `"0.0.0.0"`)
	return a
}

func newApp(t *testing.T, from, content, text string) *app {
	t.Helper()
	a := &app{dir: filepath.Join(t.TempDir(), "app"), content: content, text: text}
	require.NoError(t, os.CopyFS(a.dir, os.DirFS(from)))
	return a
}

func (a *app) edit(t *testing.T, name, from, to string) {
	t.Helper()
	at := filepath.Join(a.dir, name)
	text, err := os.ReadFile(at)
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	require.NoError(t, os.WriteFile(at, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o644))
}

func (a *app) git(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	c.Dir = a.dir
	out, err := c.Output()
	require.NoError(t, err)
	return string(bytes.TrimSpace(out))
}

// revisions builds the app as it is, and with another text.
func (a *app) revisions(t *testing.T) (one, two *build.Artifact) {
	t.Helper()
	a.git(t, "init", "--quiet", "--initial-branch=main")
	m, err := mirror.Open(t.Context(), mirror.Config{URL: a.dir, Dir: filepath.Join(t.TempDir(), "mirror.git")})
	require.NoError(t, err)
	a.builds.Dir, a.builds.Source = filepath.Join(t.TempDir(), "shop"), m
	w, err := build.NewWorkshop(a.builds)
	require.NoError(t, err)
	make := func() *build.Artifact {
		a.git(t, "add", "-A")
		a.git(t, "commit", "--quiet", "--message=x")
		require.NoError(t, m.Fetch(t.Context()))
		var log bytes.Buffer
		built, err := w.Artifact(t.Context(), a.git(t, "rev-parse", "HEAD"), &log)
		require.NoError(t, err, &log)
		return built
	}
	one = make()
	a.edit(t, a.content, a.text, a.text+", again")
	return one, make()
}
