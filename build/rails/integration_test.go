//go:build integration

package rails_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/rails"
	"github.com/muster-deploy/muster/internal/partstest"
)

// repository is the app of the part, with a source of gems that serves on loopback.
type repository struct{ dir, revision string }

func newRepository(t *testing.T) *repository {
	t.Helper()
	part := partstest.Dir(t, "rails")
	gems := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(part, "source"))))
	t.Cleanup(gems.Close)
	r := &repository{dir: filepath.Join(t.TempDir(), "app")}
	require.NoError(t, os.CopyFS(r.dir, os.DirFS(filepath.Join(part, "app"))))
	for _, name := range []string{"Gemfile", "Gemfile.lock"} {
		r.edit(t, name, "http://127.0.0.1:9", gems.URL)
	}
	r.git(t, "init", "--quiet", "--initial-branch=main")
	r.commit(t)
	return r
}

// edit replaces a piece of a file.
func (r *repository) edit(t *testing.T, name, from, to string) {
	t.Helper()
	at := filepath.Join(r.dir, name)
	text, err := os.ReadFile(at)
	require.NoError(t, err)
	require.Contains(t, string(text), from)
	require.NoError(t, os.WriteFile(at, bytes.ReplaceAll(text, []byte(from), []byte(to)), 0o644))
}

func (r *repository) git(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	c.Dir = r.dir
	out, err := c.Output()
	require.NoError(t, err)
	return string(bytes.TrimSpace(out))
}

func (r *repository) commit(t *testing.T) {
	t.Helper()
	r.git(t, "add", "-A")
	r.git(t, "commit", "--quiet", "--message=x")
	r.revision = r.git(t, "rev-parse", "HEAD")
}

// shop is a workshop that has built nothing yet.
func (r *repository) shop(t *testing.T) *build.Workshop {
	t.Helper()
	m, err := mirror.Open(t.Context(), mirror.Config{URL: r.dir, Dir: filepath.Join(t.TempDir(), "mirror.git")})
	require.NoError(t, err)
	require.NoError(t, m.Fetch(t.Context()))
	b, err := rails.New(rails.Config{})
	require.NoError(t, err)
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(t.TempDir(), "shop"), Source: m, Builder: build.Detect(b), Identity: b.Identity(),
	})
	require.NoError(t, err)
	return w
}

// built builds the revision, and fails with the log.
func (r *repository) built(t *testing.T, w *build.Workshop) (*build.Artifact, string) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := w.Artifact(t.Context(), r.revision, log)
	require.NoError(t, err, log)
	return a, log.String()
}

// puma starts the server of an extracted artifact, and returns its address.
func puma(t *testing.T, dir string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, port, _ := net.SplitHostPort(address)
	procfile, err := os.ReadFile(filepath.Join(dir, "Procfile"))
	require.NoError(t, err)
	words := strings.Fields(strings.TrimPrefix(string(procfile), "web: "))
	out := &bytes.Buffer{}
	c := exec.Command(words[0], words[1:]...)
	c.Dir, c.Stdout, c.Stderr = dir, out, out
	c.Env = append(os.Environ(), "PORT="+port, "RAILS_ENV=production", "SECRET_KEY_BASE=x", "RAILS_LOG_TO_STDOUT=1")
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	deadline := time.Now().Add(time.Minute)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
			return "http://" + address
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("puma ended: %v\n%s", err, out)
		case <-time.After(50 * time.Millisecond):
		}
		require.True(t, time.Now().Before(deadline), "puma does not listen")
	}
}

// get reads a page.
func get(t *testing.T, url string) string {
	t.Helper()
	r, err := http.Get(url)
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, r.StatusCode, "%s: %s", url, text)
	return string(text)
}

func TestRealAppIsBuiltAndServedByPuma(t *testing.T) {
	r := newRepository(t)
	w := r.shop(t)
	a, log := r.built(t, w)
	assert.Regexp(t, `\Abuilder: rails \(Gemfile.lock:\d+ locks rails\)\nuses ruby \S+ \(.ruby-version:1\)\nuses bundle 2.3.15 \(Gemfile.lock:\d+\)\n`, log)
	dir := filepath.Join(t.TempDir(), "release")
	require.NoError(t, build.Extract(t.Context(), a, dir, build.UnpackOptions{}))
	url := puma(t, dir)
	page := get(t, url+"/")
	assert.Contains(t, page, "hello from muster")
	sheet := regexp.MustCompile(`/assets/application-[0-9a-f]{64}\.css`).FindString(page)
	require.NotEmpty(t, sheet, page)
	assert.Contains(t, get(t, url+sheet), "rebeccapurple")

	again, _ := r.built(t, r.shop(t))
	assert.Equal(t, manifest(a), manifest(again), "elsewhere, later, with an empty cache")
	assert.Equal(t, a.Digest, again.Digest)
}

// manifest lists path and digest of each file, by which a difference can be read.
func manifest(a *build.Artifact) (lines []string) {
	for _, f := range a.Manifest {
		lines = append(lines, f.Path+" "+f.SHA256+f.Link)
	}
	return lines
}

func TestRealRebuildsDoOnlyWhatChanged(t *testing.T) {
	r := newRepository(t)
	m, err := mirror.Open(t.Context(), mirror.Config{URL: r.dir, Dir: filepath.Join(t.TempDir(), "mirror.git")})
	require.NoError(t, err)
	require.NoError(t, m.Fetch(t.Context()))
	b, err := rails.New(rails.Config{})
	require.NoError(t, err)
	w, err := build.NewWorkshop(build.WorkshopConfig{Dir: filepath.Join(t.TempDir(), "shop"), Source: m, Builder: b, Identity: b.Identity()})
	require.NoError(t, err)
	first, _ := r.built(t, w)

	r.edit(t, "app/controllers/pages_controller.rb", "hello", "goodbye")
	r.commit(t)
	require.NoError(t, m.Fetch(t.Context()))
	second, log := r.built(t, w)
	assert.Contains(t, log, "gems are unchanged: bundle install is not run")
	assert.Contains(t, log, "no input of the assets changed: assets:precompile is not run")
	assert.Len(t, differing(first, second), 1)

	r.edit(t, "app/assets/stylesheets/page.css", "rebeccapurple", "tomato")
	r.commit(t)
	require.NoError(t, m.Fetch(t.Context()))
	third, log := r.built(t, w)
	assert.Contains(t, log, "files of the release before are kept")
	old := regexp.MustCompile(`public/assets/application-[0-9a-f]{64}\.css$`)
	sheets := 0
	for _, f := range third.Manifest {
		if old.MatchString(f.Path) {
			sheets++
		}
	}
	assert.Equal(t, 2, sheets, "the stylesheet of the release before is still there")
}

// differing lists the paths at which two artifacts differ.
func differing(a, b *build.Artifact) (paths []string) {
	had := map[string]string{}
	for _, f := range a.Manifest {
		had[f.Path] = f.SHA256
	}
	for _, f := range b.Manifest {
		if had[f.Path] != f.SHA256 {
			paths = append(paths, f.Path)
		}
	}
	return paths
}

func TestRealBadInputIsSaidClearly(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(*testing.T, *repository)
		err  string
	}{
		{"a Ruby that is not there", func(t *testing.T, r *repository) {
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, ".ruby-version"), []byte("3.9.9\n"), 0o644))
		}, "the app wants ruby 3.9.9 (.ruby-version:1), this machine has 3."},
		{"a lockfile out of step", func(t *testing.T, r *repository) {
			r.edit(t, "Gemfile", "gem \"puma\"", "gem \"puma\", \"~> 99\"")
		}, "Gemfile.lock is out of step with Gemfile:3, which asks for puma, or not for this platform"},
		{"a lockfile that locks more", func(t *testing.T, r *repository) {
			r.edit(t, "Gemfile", "gem \"sqlite3\"\n", "")
		}, "is out of step with Gemfile, which does not ask for sqlite3, or not for this platform"},
		{"assets that do not compile", func(t *testing.T, r *repository) {
			require.NoError(t, os.WriteFile(filepath.Join(r.dir, "app/assets/stylesheets/bad.scss"), []byte("a { color: $nothing }\n"), 0o644))
		}, "run bundle exec rails assets:precompile: exit status 1; its output ends with:"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRepository(t)
			c.make(t, r)
			r.commit(t)
			_, err := r.shop(t).Artifact(t.Context(), r.revision, nil)
			require.Error(t, err)
			assert.Contains(t, err.Error(), c.err)
			var failed *build.CommandError
			if errors.As(err, &failed) {
				assert.NotEmpty(t, failed.Output, fmt.Sprint(failed))
			}
		})
	}
}
