//go:build integration

package bench

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/java"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/internal/partstest"
)

// javaApp is the Spring Boot service of the part, in a repository. What it is made of is
// served on loopback, so that no network is measured.
type javaApp struct {
	dir, revision, settings string
	mirror                  *mirror.Mirror
}

func newJavaApp(b *testing.B) *javaApp {
	b.Helper()
	part := partstest.Dir(b, "java")
	central := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(part, "repo"))))
	b.Cleanup(central.Close)
	j := &javaApp{dir: filepath.Join(b.TempDir(), "boot"), settings: filepath.Join(b.TempDir(), "settings.xml")}
	text := "<settings><mirrors><mirror><id>part</id><mirrorOf>*</mirrorOf><url>" + central.URL + "</url></mirror></mirrors></settings>"
	if err := os.WriteFile(j.settings, []byte(text), 0o644); err != nil {
		b.Fatal(err)
	}
	if err := os.CopyFS(j.dir, os.DirFS(filepath.Join(part, "boot"))); err != nil {
		b.Fatal(err)
	}
	// Its wrapper would fetch another Maven for each build.
	for _, name := range []string{"mvnw", "mvnw.cmd", ".mvn"} {
		if err := os.RemoveAll(filepath.Join(j.dir, name)); err != nil {
			b.Fatal(err)
		}
	}
	j.bare(b, j.dir, "git", "init", "--quiet", "--initial-branch=main")
	j.bare(b, j.dir, "git", "add", "-A")
	j.bare(b, j.dir, "git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message=x")
	j.revision = j.bare(b, j.dir, "git", "rev-parse", "HEAD")
	m, err := mirror.Open(b.Context(), mirror.Config{URL: j.dir, Dir: filepath.Join(b.TempDir(), "mirror.git")})
	if err != nil {
		b.Fatal(err)
	}
	if err := m.Fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	j.mirror = m
	return j
}

// bare runs a command as a person would.
func (j *javaApp) bare(b *testing.B, dir string, argv ...string) string {
	b.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// built builds the revision in a workshop with empty caches.
func (j *javaApp) built(b *testing.B) (w work, size int64) {
	b.Helper()
	builder, err := java.New(java.Config{Args: []string{"-s", j.settings}})
	if err != nil {
		b.Fatal(err)
	}
	shop, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(b.TempDir(), "shop"), Source: j.mirror, Builder: builder, Identity: builder.Identity(),
	})
	if err != nil {
		b.Fatal(err)
	}
	log := &bytes.Buffer{}
	w = measureWork(b, func() {
		a, err := shop.Artifact(b.Context(), j.revision, log)
		if err != nil {
			b.Fatalf("%v\n%s", err, log)
		}
		size = a.Size()
	})
	return w, size
}

// byHand is a fresh Maven build, with a local repository of its own.
func (j *javaApp) byHand(b *testing.B) work {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "tree")
	j.bare(b, j.dir, "git", "clone", "--quiet", j.dir, dir)
	return measureWork(b, func() {
		j.bare(b, dir, "mvn", "-B", "-ntp", "-s", j.settings, "-Dmaven.repo.local="+filepath.Join(dir, "repository"), "-DskipTests", "package")
	})
}

// BenchmarkJavaCold builds with empty caches beside Maven by hand. Allowed are 1 s and
// 1 s per 100 MB of artifact.
func BenchmarkJavaCold(b *testing.B) {
	j := newJavaApp(b)
	for b.Loop() {
		var size int64
		o, p := pairs(b, func() (w work) { w, size = j.built(b); return w }, func() work { return j.byHand(b) })
		reportOverhead(b, o, p, size)
	}
}
