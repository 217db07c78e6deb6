package target_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// Page is a target of one's own: a single file that goes live in a directory. All
// that it knows stands in one document, which is replaced as a whole; so a crash
// leaves the old or the new one, and the fence and the switch are one write.
type Page struct {
	Dir  string
	Lock *sync.Mutex // between processes this would be flock
}

// page is the document.
type page struct {
	Fence        target.Fence
	Live, Before string            // digests
	Content      map[string][]byte // of prepared releases, by digest
}

// Name implements target.Target.
func (p *Page) Name() string { return "page" }

// Prepare implements target.Target.
func (p *Page) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	if err := o.Match(a); err != nil {
		return fmt.Errorf("prepare page: %w", err)
	}
	// The file is read as the manifest says it is, or not at all.
	whole, err := build.NewArtifact(a.Manifest, func(f build.File) (io.ReadCloser, error) { return a.Files.Open(f.Path) })
	if err != nil {
		return err
	}
	content, err := fs.ReadFile(whole.Files, a.Manifest[0].Path)
	if err != nil {
		return fmt.Errorf("prepare page: %w", err)
	}
	return p.change(ctx, func(s *page) error {
		s.Content[a.Digest] = content
		return s.Fence.Check(o)
	})
}

// Activate implements target.Target.
func (p *Page) Activate(ctx context.Context, o target.Order) error {
	now, err := p.Observe(ctx, target.Order{})
	if err != nil {
		return err
	}
	ask := now.Units[0].Digest != o.Release.Digest && now.Units[0].Number <= o.Number
	if ask {
		if err := o.Ask(ctx, target.Step{Batch: 1, Batches: 1, Units: []string{"page"}}); err != nil {
			return fmt.Errorf("activate page: %w", err)
		}
	}
	return p.change(ctx, func(s *page) (err error) {
		if s.Fence, err = s.Fence.Raise(o); err != nil {
			return err
		}
		if _, ok := s.Content[o.Release.Digest]; !ok {
			return &target.UnitError{Unit: "page", Err: target.ErrUnprepared}
		}
		if s.Live != o.Release.Digest {
			if !ask {
				return errors.New("activate page: it changed while it was looked at")
			}
			s.Before, s.Live = s.Live, o.Release.Digest
		}
		s.retire(o.Keep)
		return nil
	})
}

// Observe implements target.Target.
func (p *Page) Observe(ctx context.Context, o target.Order) (target.State, error) {
	u := target.Unit{Name: "page", Condition: target.Vacant}
	err := p.change(ctx, func(s *page) error {
		var err error
		if o.Number > 0 {
			o.Release = target.Release{}
			s.Fence, err = s.Fence.Raise(o)
		}
		u.Digest, u.Number = s.Live, s.Fence.Number
		if s.Live != "" {
			u.Condition = target.Serving
		}
		return err
	})
	return target.State{Units: []target.Unit{u}}, err
}

func (s *page) retire(keep []string) {
	if keep == nil {
		return
	}
	keep = append(slices.Clone(keep), s.Live, s.Before)
	for digest := range s.Content {
		if !slices.Contains(keep, digest) {
			delete(s.Content, digest)
		}
	}
}

// change loads the document, changes it and replaces it.
func (p *Page) change(ctx context.Context, f func(*page) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	p.Lock.Lock()
	defer p.Lock.Unlock()
	s := page{Content: map[string][]byte{}}
	file := filepath.Join(p.Dir, "page.json")
	old, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(old, &s)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := f(&s); err != nil {
		return err
	}
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if err := os.WriteFile(file+".new", text, 0o600); err != nil { // and fsync it, in earnest
		return err
	}
	return os.Rename(file+".new", file)
}

// Write your own Target: three methods on what your place can do atomically.
func Example() {
	dir, err := os.MkdirTemp("", "page")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	var t target.Target = &Page{Dir: dir, Lock: new(sync.Mutex)}
	ctx := context.Background()

	for n := 1; n <= 2; n++ {
		a := targettest.Artifact(n)
		o := target.Order{Number: uint64(n), Release: target.Release{ID: fmt.Sprint(n), Digest: a.Digest}}
		if err := t.Prepare(ctx, o, a); err != nil {
			panic(err)
		}
		fmt.Println("order", n, t.Activate(ctx, o))
	}
	late := target.Order{Number: 1, Release: target.Release{ID: "1", Digest: targettest.Artifact(1).Digest}}
	fmt.Println("order 1, late:", t.Activate(ctx, late))
	late.Number, late.Intent = 3, target.Backward
	fmt.Println("rollback:", t.Activate(ctx, late))
	// Output:
	// order 1 <nil>
	// order 2 <nil>
	// order 1, late: order 1, seen 2: target: overtaken by a newer order
	// rollback: <nil>
}

// directory is the targettest.Place of a Page.
type directory struct {
	dir  string
	lock sync.Mutex
}

func (d *directory) Open() (target.Target, error) { return &Page{Dir: d.dir, Lock: &d.lock}, nil }

func TestAPagePassesTheSuite(t *testing.T) {
	targettest.TestTarget(t, func(t targettest.TB) targettest.Place { return &directory{dir: t.TempDir()} })
}
