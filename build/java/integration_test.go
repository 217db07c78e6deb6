//go:build integration

package java_test

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/java"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/internal/partstest"
)

// service is an app of the part, committed to a repository.
type service struct{ dir, revision string }

func newService(t *testing.T, app string) *service {
	t.Helper()
	s := &service{dir: filepath.Join(t.TempDir(), app)}
	require.NoError(t, os.CopyFS(s.dir, os.DirFS(filepath.Join(partstest.Dir(t, "java"), app))))
	s.git(t, "init", "--quiet", "--initial-branch=main")
	s.commit(t)
	return s
}

func (s *service) git(t *testing.T, args ...string) string {
	t.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	c.Dir = s.dir
	out, err := c.Output()
	require.NoError(t, err)
	return string(bytes.TrimSpace(out))
}

func (s *service) commit(t *testing.T) {
	t.Helper()
	s.git(t, "add", "-A")
	s.git(t, "commit", "--quiet", "--message=x")
	s.revision = s.git(t, "rev-parse", "HEAD")
}

// shop is a workshop with an empty cache, and the mirror that it builds from.
func (s *service) shop(t *testing.T) (*build.Workshop, *mirror.Mirror) {
	t.Helper()
	m, err := mirror.Open(t.Context(), mirror.Config{URL: s.dir, Dir: filepath.Join(t.TempDir(), "mirror.git")})
	require.NoError(t, err)
	require.NoError(t, m.Fetch(t.Context()))
	b, err := java.New(java.Config{})
	require.NoError(t, err)
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(t.TempDir(), "shop"), Source: m, Builder: build.Detect(b), Identity: b.Identity(),
	})
	require.NoError(t, err)
	return w, m
}

// built builds the revision, and fails with the log.
func (s *service) built(t *testing.T, w *build.Workshop) (*build.Artifact, string) {
	t.Helper()
	log := &bytes.Buffer{}
	a, err := w.Artifact(t.Context(), s.revision, log)
	require.NoError(t, err, log)
	return a, log.String()
}

// answers starts what the Procfile of an artifact says, and returns its first page.
func answers(t *testing.T, a *build.Artifact) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "release")
	require.NoError(t, build.Extract(t.Context(), a, dir, build.UnpackOptions{}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	_, port, _ := net.SplitHostPort(address)
	require.NoError(t, l.Close())
	procfile, err := os.ReadFile(filepath.Join(dir, "Procfile"))
	require.NoError(t, err)
	line, _, _ := strings.Cut(strings.TrimPrefix(string(procfile), "web: "), "\n")
	out := &bytes.Buffer{}
	// A Procfile's line is one of the shell.
	c := exec.Command("sh", "-c", line)
	c.Dir, c.Stdout, c.Stderr = dir, out, out
	c.Env = append(os.Environ(), "PORT="+port, "SERVER_PORT="+port)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, c.Start())
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		<-ended
	})
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); {
		if r, err := http.Get("http://" + address + "/"); err == nil {
			text, err := io.ReadAll(r.Body)
			r.Body.Close()
			require.NoError(t, err)
			return string(text)
		}
		select {
		case <-ended:
			t.Fatalf("%q ended:\n%s", line, out)
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatalf("%q does not answer", line)
	return ""
}

func TestRealSpringBootServiceAnswersAndARebuildChangesOnlyItsOwnClasses(t *testing.T) {
	s := newService(t, "boot")
	w, m := s.shop(t)
	a, log := s.built(t, w)
	assert.Contains(t, log, "builder: java (pom.xml)\nuses java >=17 (pom.xml:")
	assert.Contains(t, log, "maven 3.9.9 (.mvn/wrapper/maven-wrapper.properties:")
	assert.Equal(t, "hello from spring", answers(t, a))

	at := filepath.Join(s.dir, "src/main/java/app/Web.java")
	text, err := os.ReadFile(at)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(at, bytes.Replace(text, []byte("hello from"), []byte("goodbye to"), 1), 0o644))
	s.commit(t)
	require.NoError(t, m.Fetch(t.Context()))
	b, _ := s.built(t, w)
	had := map[string]string{}
	for _, f := range a.Manifest {
		had[f.Path] = f.SHA256
	}
	var changed []string
	var bytesChanged int64
	for _, f := range b.Manifest {
		if had[f.Path] != f.SHA256 {
			changed = append(changed, f.Path)
			bytesChanged += f.Size
		}
	}
	assert.NotEmpty(t, changed)
	assert.Less(t, bytesChanged, int64(100_000), "%v", changed)
	assert.Greater(t, b.Size(), int64(15_000_000))
	fresh, _ := s.shop(t)
	again, _ := s.built(t, fresh)
	assert.Equal(t, b.Digest, again.Digest, "elsewhere, later, with an empty cache")
}

func TestRealGradleServiceAnswers(t *testing.T) {
	s := newService(t, "plain")
	w, _ := s.shop(t)
	a, log := s.built(t, w)
	assert.Contains(t, log, "builder: java (build.gradle)\n")
	assert.Equal(t, "hello from gradle", answers(t, a))
	fresh, _ := s.shop(t)
	again, _ := s.built(t, fresh)
	assert.Equal(t, a.Digest, again.Digest, "elsewhere, later, with an empty cache")
}
