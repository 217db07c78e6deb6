//go:build integration

package bench

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/build/rails"
	"github.com/muster-deploy/muster/internal/partstest"
)

// railsApp is the app of the part, in a repository, with its source of gems.
type railsApp struct {
	dir, revision string
	builds        int
	mirror        *mirror.Mirror
}

func newRailsApp(b *testing.B) *railsApp {
	b.Helper()
	part := partstest.Dir(b, "rails")
	gems := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(part, "source"))))
	b.Cleanup(gems.Close)
	r := &railsApp{dir: filepath.Join(b.TempDir(), "app")}
	if err := os.CopyFS(r.dir, os.DirFS(filepath.Join(part, "app"))); err != nil {
		b.Fatal(err)
	}
	for _, name := range []string{"Gemfile", "Gemfile.lock"} {
		at := filepath.Join(r.dir, name)
		text, err := os.ReadFile(at)
		if err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(at, bytes.ReplaceAll(text, []byte("http://127.0.0.1:9"), []byte(gems.URL)), 0o644); err != nil {
			b.Fatal(err)
		}
	}
	r.bare(b, r.dir, "git", "init", "--quiet", "--initial-branch=main")
	r.edit(b)
	m, err := mirror.Open(b.Context(), mirror.Config{URL: r.dir, Dir: filepath.Join(b.TempDir(), "mirror.git")})
	if err != nil {
		b.Fatal(err)
	}
	r.mirror = m
	return r
}

// bare runs a command as a person would, for production.
func (r *railsApp) bare(b *testing.B, dir string, argv ...string) string {
	b.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir, c.Env = dir, append(os.Environ(), "RAILS_ENV=production", "SECRET_KEY_BASE=x", "BUNDLE_DEPLOYMENT=true",
		"BUNDLE_PATH=vendor/bundle", "BUNDLE_WITHOUT=development:test", "BUNDLE_JOBS=4", "BUNDLE_SILENCE_ROOT_WARNING=true")
	out, err := c.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// edit changes a file that no asset is made of, and commits it.
func (r *railsApp) edit(b *testing.B) {
	b.Helper()
	r.builds++
	if err := os.WriteFile(filepath.Join(r.dir, "app/models/build.rb"), fmt.Appendf(nil, "Build = %d\n", r.builds), 0o644); err != nil {
		b.Fatal(err)
	}
	r.bare(b, r.dir, "git", "add", "-A")
	r.bare(b, r.dir, "git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message=x")
	r.revision = r.bare(b, r.dir, "git", "rev-parse", "HEAD")
}

// shop is a workshop with empty caches.
func (r *railsApp) shop(b *testing.B) *build.Workshop {
	b.Helper()
	builder, err := rails.New(rails.Config{})
	if err != nil {
		b.Fatal(err)
	}
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(b.TempDir(), "shop"), Source: r.mirror, Builder: builder, Identity: builder.Identity(),
	})
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// built builds the revision.
func (r *railsApp) built(b *testing.B, w *build.Workshop) *build.Artifact {
	b.Helper()
	log := &bytes.Buffer{}
	a, err := w.Artifact(b.Context(), r.revision, log)
	if err != nil {
		b.Fatalf("%v\n%s", err, log)
	}
	return a
}

// tree is a checkout of the revision, for commands by hand.
func (r *railsApp) tree(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "tree")
	r.bare(b, r.dir, "git", "clone", "--quiet", r.dir, dir)
	return dir
}

// byHand installs and compiles in a tree that is there.
func (r *railsApp) byHand(b *testing.B, dir string) work {
	b.Helper()
	return measureWork(b, func() {
		r.bare(b, dir, "bundle", "install")
		r.bare(b, dir, "bundle", "exec", "rails", "assets:precompile")
	})
}

// BenchmarkRailsCold builds with empty caches beside the two commands by hand. Allowed
// are 1 s and 1 s per 100 MB of artifact.
func BenchmarkRailsCold(b *testing.B) {
	r := newRailsApp(b)
	if err := r.mirror.Fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		size := int64(0)
		o, p := pairs(b, func() work {
			w := r.shop(b)
			return measureWork(b, func() { size = r.built(b, w).Size() })
		}, func() work { return r.byHand(b, r.tree(b)) })
		reportOverhead(b, o, p, size)
	}
}

// BenchmarkRailsChanged builds a revision in which no asset changed, beside the two
// commands by hand where the gems are installed and the assets removed.
func BenchmarkRailsChanged(b *testing.B) {
	r := newRailsApp(b)
	if err := r.mirror.Fetch(b.Context()); err != nil {
		b.Fatal(err)
	}
	w, dir := r.shop(b), r.tree(b)
	r.built(b, w)
	r.byHand(b, dir)
	for b.Loop() {
		o, p := pairs(b, func() work {
			r.edit(b)
			if err := r.mirror.Fetch(b.Context()); err != nil {
				b.Fatal(err)
			}
			return measureWork(b, func() { r.built(b, w) })
		}, func() work {
			for _, made := range []string{"public/assets", "tmp/cache"} {
				if err := os.RemoveAll(filepath.Join(dir, made)); err != nil {
					b.Fatal(err)
				}
			}
			return r.byHand(b, dir)
		})
		reportRatio(b, o, p)
	}
}
