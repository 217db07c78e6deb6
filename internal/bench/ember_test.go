//go:build integration

package bench

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/ember"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/internal/partstest"
)

// emberApp is the classic app of the part with npm, in a repository.
type emberApp struct {
	dir, revision string
	env           map[string]string
	builds        int
}

func newEmberApp(b *testing.B) *emberApp {
	b.Helper()
	part := partstest.Dir(b, "ember")
	e := &emberApp{dir: filepath.Join(b.TempDir(), "classic"), env: map[string]string{
		"npm_config_cache": filepath.Join(part, "npm"), "npm_config_prefer_offline": "true",
		"npm_config_audit": "false", "npm_config_fund": "false", "npm_config_update_notifier": "false", "CI": "true",
	}}
	if err := os.CopyFS(e.dir, os.DirFS(filepath.Join(part, "classic"))); err != nil {
		b.Fatal(err)
	}
	e.bare(b, e.dir, "git", "init", "--quiet", "--initial-branch=main")
	e.commit(b)
	return e
}

// bare runs a command as a person would, with the same settings as the builder's.
func (e *emberApp) bare(b *testing.B, dir string, argv ...string) string {
	b.Helper()
	c := exec.Command(argv[0], argv[1:]...)
	c.Dir, c.Env = dir, os.Environ()
	for name, value := range e.env {
		c.Env = append(c.Env, name+"="+value)
	}
	out, err := c.CombinedOutput()
	if err != nil {
		b.Fatalf("%v: %v\n%s", argv, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// commit makes a revision of what is there.
func (e *emberApp) commit(b *testing.B) {
	b.Helper()
	e.bare(b, e.dir, "git", "add", "-A")
	e.bare(b, e.dir, "git", "-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "--quiet", "--message=x")
	e.revision = e.bare(b, e.dir, "git", "rev-parse", "HEAD")
}

// edit changes one source file, to what it never was before, and commits it.
func (e *emberApp) edit(b *testing.B) {
	b.Helper()
	e.builds++
	page := filepath.Join(e.dir, "app/templates/application.hbs")
	if err := os.WriteFile(page, fmt.Appendf(nil, "<h1>{{%d}}</h1>\n", e.builds), 0o644); err != nil {
		b.Fatal(err)
	}
	e.commit(b)
}

// shop is a workshop with empty caches.
func (e *emberApp) shop(b *testing.B) *build.Workshop {
	b.Helper()
	m, err := mirror.Open(b.Context(), mirror.Config{URL: e.dir, Dir: filepath.Join(b.TempDir(), "mirror.git")})
	if err != nil {
		b.Fatal(err)
	}
	builder, err := ember.New(ember.Config{})
	if err != nil {
		b.Fatal(err)
	}
	w, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: filepath.Join(b.TempDir(), "shop"), Source: m, Builder: builder, Identity: builder.Identity(), Runner: &build.Local{Env: e.env},
	})
	if err != nil {
		b.Fatal(err)
	}
	return w
}

// tree is a checkout of the revision, for commands by hand.
func (e *emberApp) tree(b *testing.B) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "tree")
	e.bare(b, e.dir, "git", "clone", "--quiet", e.dir, dir)
	return dir
}

// built builds the revision.
func (e *emberApp) built(b *testing.B, w *build.Workshop) (a *build.Artifact) {
	b.Helper()
	log := &bytes.Buffer{}
	a, err := w.Artifact(b.Context(), e.revision, log)
	if err != nil {
		b.Fatalf("%v\n%s", err, log)
	}
	return a
}

// byHand is a fresh install and build, in a tree that is there already.
func (e *emberApp) byHand(b *testing.B) work {
	b.Helper()
	dir := e.tree(b)
	defer os.RemoveAll(dir)
	return measureWork(b, func() {
		e.bare(b, dir, "npm", "ci")
		e.bare(b, dir, "npm", "run", "build")
	})
}

// BenchmarkEmberCold builds with empty caches: checkout, install, build, artifact, and
// what is kept for the next build. Beside it the two commands by hand. Allowed are 1 s
// and 1 s per 100 MB of artifact.
func BenchmarkEmberCold(b *testing.B) {
	e := newEmberApp(b)
	for b.Loop() {
		size := int64(0)
		o, p := pairs(b, func() work {
			w := e.shop(b)
			return measureWork(b, func() { size = e.built(b, w).Size() })
		}, func() work { return e.byHand(b) })
		reportOverhead(b, o, p, size)
	}
}

// BenchmarkEmberChanged builds a revision in which one source file changed, beside a
// fresh install and build by hand of the same one.
func BenchmarkEmberChanged(b *testing.B) {
	e := newEmberApp(b)
	w := e.shop(b)
	e.built(b, w)
	for b.Loop() {
		o, p := pairs(b, func() work {
			e.edit(b)
			return measureWork(b, func() { e.built(b, w) })
		}, func() work { return e.byHand(b) })
		reportRatio(b, o, p)
	}
}

// BenchmarkNodeModules borrows the app's node_modules, filled up to 300 MB where it is
// less, and gives it back, as a build does; beside npm ci with a warm cache, which
// installs it without the filling. At most 0.2 of that is asked for.
func BenchmarkNodeModules(b *testing.B) {
	e := newEmberApp(b)
	tree := e.tree(b)
	e.bare(b, tree, "npm", "ci")
	modules := filepath.Join(tree, "node_modules")
	bare := treeSize(b, modules)
	cache, err := build.OpenCache(filepath.Join(b.TempDir(), "cache"), build.CacheOptions{})
	if err != nil {
		b.Fatal(err)
	}
	size := fill(b, modules, bare, 300e6)
	ws := &build.Workspace{Dir: tree, Cache: cache}
	if err := ws.Give(b.Context(), "node_modules", "node_modules/1"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		o, p := pairs(b, func() work {
			dir := e.tree(b)
			defer os.RemoveAll(dir)
			ws := &build.Workspace{Dir: dir, Cache: cache}
			return measureWork(b, func() {
				hit, err := ws.Borrow(b.Context(), "node_modules", "node_modules/1")
				if err != nil || hit == "" {
					b.Fatal(hit, err)
				}
				if err := ws.Give(b.Context(), "node_modules", "node_modules/1"); err != nil {
					b.Fatal(err)
				}
			})
		}, func() work {
			dir := e.tree(b)
			defer os.RemoveAll(dir)
			return measureWork(b, func() { e.bare(b, dir, "npm", "ci") })
		})
		b.ReportMetric(middle(o, wallOf)/middle(p, wallOf), "of-npm-ci")
		b.ReportMetric(middle(o, cpuOf)/middle(p, cpuOf), "of-npm-ci-cpu")
		b.ReportMetric(middle(o, wallOf), "borrow-s")
		b.ReportMetric(size/1e6, "MB-borrowed")
		b.ReportMetric(bare/1e6, "MB-installed")
	}
}

// fill adds copies of what is there until dir has the size, and returns what it has.
func fill(b *testing.B, dir string, size, want float64) float64 {
	b.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		b.Fatal(err)
	}
	for _, e := range entries {
		if size >= want {
			break
		}
		if !e.IsDir() || e.Name() == ".bin" {
			continue
		}
		more := filepath.Join(dir, "filling-"+e.Name())
		if err := os.CopyFS(more, os.DirFS(filepath.Join(dir, e.Name()))); err != nil {
			b.Fatal(err)
		}
		size += treeSize(b, more)
	}
	return size
}

// treeSize is the size of the files below dir, in bytes.
func treeSize(b *testing.B, dir string) float64 {
	b.Helper()
	total := int64(0)
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			total += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return float64(total)
}
