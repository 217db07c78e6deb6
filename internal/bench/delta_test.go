//go:build integration

package bench

import (
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/java"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/internal/partstest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// weighed is a host on this machine, and how many bytes it was sent.
type weighed struct {
	host.Exec
	bytes int64
}

// Run implements host.Transport.
func (w *weighed) Run(ctx context.Context, c host.Call) error {
	if c.Stdin != nil {
		c.Stdin = io.TeeReader(c.Stdin, writes(func(p []byte) { w.bytes += int64(len(p)) }))
	}
	return w.Exec.Run(ctx, c)
}

type writes func([]byte)

func (w writes) Write(p []byte) (int, error) {
	w(p)
	return len(p), nil
}

// BenchmarkSpringBootDelta prints what a host is sent of a Spring Boot service that it
// does not have, and of one of which a class has changed.
func BenchmarkSpringBootDelta(b *testing.B) {
	dir := filepath.Join(b.TempDir(), "app")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(partstest.Dir(b, "java"), "boot"))); err != nil {
		b.Fatal(err)
	}
	m, err := mirror.Open(b.Context(), mirror.Config{URL: dir, Dir: filepath.Join(b.TempDir(), "mirror.git")})
	if err != nil {
		b.Fatal(err)
	}
	builder, err := java.New(java.Config{})
	if err != nil {
		b.Fatal(err)
	}
	shop, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(b.TempDir(), "shop"), Source: m, Builder: build.Detect(builder), Identity: builder.Identity(),
	})
	if err != nil {
		b.Fatal(err)
	}
	committed(b, dir, "init", "--quiet", "--initial-branch=main")
	releases := []*build.Artifact{revision(b, shop, m, dir)}
	class := filepath.Join(dir, "src/main/java/app/Web.java")
	text, err := os.ReadFile(class)
	if err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(class, bytes.Replace(text, []byte("hello from"), []byte("goodbye to"), 1), 0o644); err != nil {
		b.Fatal(err)
	}
	releases = append(releases, revision(b, shop, m, dir))
	for b.Loop() {
		sent := sentTo(b, releases)
		b.ReportMetric(float64(sent[0]), "full-bytes")
		b.ReportMetric(float64(sent[1]), "delta-bytes")
		b.ReportMetric(100*float64(sent[1])/float64(sent[0]), "%-of-full")
	}
}

// sentTo ships releases to one host, and says how many bytes each took.
func sentTo(b *testing.B, releases []*build.Artifact) (sent []int64) {
	b.Helper()
	w := &weighed{}
	h, err := host.New(host.Config{Name: "a", Root: filepath.Join(b.TempDir(), "root"), Transport: w})
	if err != nil {
		b.Fatal(err)
	}
	for n, a := range releases {
		w.bytes = 0
		o := target.Order{Number: uint64(n + 1), Release: target.Release{ID: "r", Digest: a.Digest}}
		if err := h.Prepare(b.Context(), o, a); err != nil {
			b.Fatal(err)
		}
		if err := h.Activate(b.Context(), o); err != nil {
			b.Fatal(err)
		}
		sent = append(sent, w.bytes)
	}
	return sent
}

func committed(b *testing.B, dir string, args ...string) string {
	b.Helper()
	c := exec.Command("git", append([]string{"-c", "user.name=x", "-c", "user.email=x@example.com"}, args...)...)
	c.Dir = dir
	out, err := c.Output()
	if err != nil {
		b.Fatal(err)
	}
	return string(bytes.TrimSpace(out))
}

// revision commits what is there and builds it.
func revision(b *testing.B, shop *build.Workshop, m *mirror.Mirror, dir string) *build.Artifact {
	b.Helper()
	committed(b, dir, "add", "-A")
	committed(b, dir, "commit", "--quiet", "--message=x")
	if err := m.Fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	var log bytes.Buffer
	a, err := shop.Artifact(b.Context(), committed(b, dir, "rev-parse", "HEAD"), &log)
	if err != nil {
		b.Fatalf("%v\n%s", err, &log)
	}
	return a
}
