package buildtest

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
)

// BuilderPlace is what the suite needs to try a builder.
type BuilderPlace struct {
	// New returns the builder.
	New func() (build.Builder, error)
	// Tree writes a source tree that the builder can build into dir, which is empty:
	// the same each time.
	Tree func(dir string) error
	// Runner is what the builder's commands run with; nil means build.Local.
	Runner build.Runner
	// CancelAfter is how long a build runs before it is cancelled, so that it is
	// in the midst of its work; zero means 50 milliseconds.
	CancelAfter time.Duration
}

// stopWithin is how long a builder may take to return when it is cancelled.
const stopWithin = 15 * time.Second

// TestBuilder checks that a build.Builder keeps its promises: two builds of one tree
// at two places and times are equal, nothing is written beside the workspace, the
// log is used, errors are errors, and a cancelled build leaves no process. A process
// is found on Linux, and only where it was started by way of build.Local.
func TestBuilder(t *testing.T, p BuilderPlace) {
	t.Helper()
	builderSuite(live{t}, p)
}

// builderSuite runs all checks of a builder.
func builderSuite(r reporter, p BuilderPlace) {
	for _, c := range []struct {
		name  string
		check func(*builderCheck)
	}{
		{"two builds at two places and times are equal", (*builderCheck).deterministic},
		{"nothing is written beside the workspace", (*builderCheck).confined},
		{"the log says what is done", (*builderCheck).logs},
		{"a command that fails fails the build", (*builderCheck).commandFails},
		{"an ended context is an error", (*builderCheck).ended},
		{"a cancelled build returns and leaves no process", (*builderCheck).cancelled},
		{"several builds at once do not mix", (*builderCheck).sideBySide},
	} {
		r.Run(c.name, func(r reporter) {
			r.Helper()
			b, err := p.New()
			if err != nil {
				r.Fatalf("make the builder: %v", err)
			}
			c.check(&builderCheck{reporter: r, place: p, builder: b})
		})
	}
}

// builderCheck is one check of one builder.
type builderCheck struct {
	reporter
	place   BuilderPlace
	builder build.Builder
}

// lines is a log for several goroutines.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// workspace makes a fresh tree. Depth makes the lengths of paths differ.
func (c *builderCheck) workspace(name string) (*build.Workspace, *lines) {
	c.Helper()
	dir, err := filepath.EvalSymlinks(c.TempDir())
	if err == nil {
		dir = filepath.Join(dir, name)
		err = errors.Join(os.MkdirAll(dir, 0o755), c.place.Tree(dir))
	}
	if err != nil {
		c.Fatalf("make a source tree: %v", err)
	}
	log := &lines{}
	return &build.Workspace{Dir: dir, Revision: strings.Repeat("a", 40), Log: log, Runner: c.place.Runner}, log
}

// build has to succeed and to yield an artifact.
func (c *builderCheck) build(ws *build.Workspace) *build.Artifact {
	c.Helper()
	out, err := c.builder.Build(c.Context(), ws)
	if err != nil {
		c.Fatalf("Build: %v", err)
	}
	a, err := ws.Record(c.Context(), out, build.Limits{})
	if err != nil {
		c.Fatalf("the output is no artifact: %v", err)
	}
	return a
}

func (c *builderCheck) deterministic() {
	one, _ := c.workspace("one")
	a := c.build(one)
	// Times in files mostly have a resolution of a second.
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(1010 * time.Millisecond)))
	two, _ := c.workspace("another/place/for/it")
	b := c.build(two)
	if a.Digest != b.Digest {
		c.Errorf("two builds of one tree differ in: %s", strings.Join(differences(a, b), ", "))
	}
}

// differences lists the paths in which two artifacts differ.
func differences(a, b *build.Artifact) []string {
	var paths []string
	in := map[string]build.File{}
	for _, f := range a.Manifest {
		in[f.Path] = f
	}
	for _, f := range b.Manifest {
		if in[f.Path] != f {
			paths = append(paths, f.Path)
		}
		delete(in, f.Path)
	}
	for p := range in {
		paths = append(paths, p)
	}
	return paths
}

func (c *builderCheck) confined() {
	ws, _ := c.workspace("around/tree")
	around := filepath.Dir(filepath.Dir(ws.Dir))
	if err := WriteTree(filepath.Join(around, "neighbour"), map[string]string{"file": "theirs"}); err != nil {
		c.Fatalf("make a neighbour: %v", err)
	}
	before := c.outside(around, ws.Dir)
	c.build(ws)
	if after := c.outside(around, ws.Dir); !maps.Equal(before, after) {
		c.Errorf("beside the workspace there is %v, before the build there was %v", after, before)
	}
}

// outside lists what is below dir and not below the workspace, with sizes and times.
func (c *builderCheck) outside(dir, workspace string) map[string]string {
	found := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if p == workspace {
			return fs.SkipDir
		}
		if err != nil || d.IsDir() {
			found[p] = ""
			return err
		}
		info, err := d.Info()
		if err == nil {
			found[p] = strconv.FormatInt(info.Size(), 10) + " bytes of " + info.ModTime().String()
		}
		return err
	})
	if err != nil {
		c.Fatalf("look around: %v", err)
	}
	return found
}

func (c *builderCheck) logs() {
	ws, log := c.workspace("tree")
	c.build(ws)
	if log.String() == "" {
		c.Errorf("the build said nothing in ws.Log")
	}
}

var errRunner = errors.New("the command failed")

// failing is a Runner with which every command fails.
type failing struct{ runs int }

func (f *failing) Run(context.Context, string, build.Command, io.Writer) error {
	f.runs++
	return errRunner
}

func (c *builderCheck) commandFails() {
	ws, _ := c.workspace("tree")
	f := &failing{}
	ws.Runner = f
	_, err := c.builder.Build(c.Context(), ws)
	if f.runs > 0 && !errors.Is(err, errRunner) {
		c.Errorf("Build whose command failed returns %v, want the command's error", err)
	}
}

func (c *builderCheck) ended() {
	ws, _ := c.workspace("tree")
	ctx, cancel := context.WithCancel(c.Context())
	cancel()
	if _, err := c.builder.Build(ctx, ws); err == nil {
		c.Errorf("Build with an ended context succeeds")
	}
}

func (c *builderCheck) cancelled() {
	ws, _ := c.workspace("tree")
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	after := c.place.CancelAfter
	if after == 0 {
		after = 50 * time.Millisecond
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		// A quick builder may be done before it is cancelled: either is right.
		c.builder.Build(ctx, ws)
	}()
	select {
	case <-ended:
	case <-time.After(after):
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(stopWithin):
		c.Fatalf("Build did not return within %v of its cancellation", stopWithin)
	}
	if left := processesIn(ws.Dir); len(left) > 0 {
		c.Errorf("the cancelled build left running: %s", strings.Join(left, "; "))
	}
}

func (c *builderCheck) sideBySide() {
	one, _ := c.workspace("one")
	two, _ := c.workspace("two")
	var outs [2]build.Output
	var errs [2]error
	var wait sync.WaitGroup
	for i, ws := range []*build.Workspace{one, two} {
		wait.Go(func() { outs[i], errs[i] = c.builder.Build(c.Context(), ws) })
	}
	wait.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		c.Fatalf("Build beside another: %v", err)
	}
	a, err := one.Record(c.Context(), outs[0], build.Limits{})
	if err != nil {
		c.Fatalf("the output is no artifact: %v", err)
	}
	b, err := two.Record(c.Context(), outs[1], build.Limits{})
	if err != nil {
		c.Fatalf("the output is no artifact: %v", err)
	}
	if a.Digest != b.Digest {
		c.Errorf("two builds side by side differ in: %s", strings.Join(differences(a, b), ", "))
	}
}
