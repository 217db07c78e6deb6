package buildtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/build"
)

// Builds is a fake of a build.Workshop, all in memory: revisions become artifacts
// as a script says. The zero value builds every revision into one file that holds
// the revision. It may be used by many goroutines.
type Builds struct {
	mu     sync.Mutex
	script map[string]Script
	built  map[string]*build.Artifact
	calls  []string
}

// Script is what becomes of one revision.
type Script struct {
	// Files are the artifact's, as of Artifact.
	Files map[string]string
	// Delay is how long it takes, unless the context ends before.
	Delay time.Duration
	// Log is written first.
	Log string
	// Err fails the build, in place of files.
	Err error
}

// Set says what becomes of a revision from now on.
func (b *Builds) Set(revision string, s Script) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.script == nil {
		b.script = map[string]Script{}
	}
	b.script[revision] = s
}

// Calls lists the revisions that were asked for, in order.
func (b *Builds) Calls() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// Artifact plays the script of a revision.
func (b *Builds) Artifact(ctx context.Context, revision string, log io.Writer) (*build.Artifact, error) {
	b.mu.Lock()
	b.calls = append(b.calls, revision)
	s, ok := b.script[revision]
	b.mu.Unlock()
	if !ok {
		s.Files = map[string]string{"REVISION": revision}
	}
	if err := s.play(ctx, log); err != nil {
		return nil, fmt.Errorf("build %s: %w", revision, err)
	}
	a := Artifact(s.Files)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.built == nil {
		b.built = map[string]*build.Artifact{}
	}
	b.built[a.Digest] = a
	return a, nil
}

// Open returns what was built before, or an error that wraps build.ErrNotFound.
func (b *Builds) Open(ctx context.Context, digest string) (*build.Artifact, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.built[digest]; ok {
		return a, context.Cause(ctx)
	}
	return nil, fmt.Errorf("open artifact %s: %w", digest, build.ErrNotFound)
}

// play writes the log, waits and returns the error.
func (s Script) play(ctx context.Context, log io.Writer) error {
	if s.Log != "" && log != nil {
		io.WriteString(log, s.Log)
	}
	if s.Delay > 0 {
		timer := time.NewTimer(s.Delay)
		defer timer.Stop()
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
	}
	return errors.Join(context.Cause(ctx), s.Err)
}

// Builder is a fake build.Builder: it plays a script in the workspace, where it
// writes the files into a directory "out".
type Builder struct{ Script Script }

// Build implements build.Builder.
func (b Builder) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	if err := b.Script.play(ctx, ws.Log); err != nil {
		return build.Output{}, err
	}
	return build.Output{Dir: "out"}, WriteTree(filepath.Join(ws.Dir, "out"), b.Script.Files)
}

// WriteTree writes files, as of Artifact, below dir.
func WriteTree(dir string, files map[string]string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, p := range slices.Sorted(maps.Keys(files)) {
		f := fileOf(p, files[p])
		at := filepath.Join(dir, filepath.FromSlash(f.Path))
		err := os.MkdirAll(filepath.Dir(at), 0o755)
		switch {
		case err != nil:
		case f.Link != "":
			err = os.Symlink(f.Link, at)
		default:
			err = os.WriteFile(at, []byte(files[p]), f.Mode)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Runner is a fake build.Runner. It runs nothing, notes every command and answers
// by its handlers. It may be used by many goroutines.
type Runner struct {
	// Handle answers a command, by its name; the workspace is dir. A command without
	// a handler succeeds and does nothing.
	Handle map[string]func(ctx context.Context, dir string, c build.Command, log io.Writer) error

	mu   sync.Mutex
	runs []build.Command
}

// Run implements build.Runner. It checks the command as a true one would.
func (r *Runner) Run(ctx context.Context, dir string, c build.Command, log io.Writer) error {
	if err := errors.Join(context.Cause(ctx), c.Check()); err != nil {
		return err
	}
	r.mu.Lock()
	r.runs = append(r.runs, c)
	r.mu.Unlock()
	if handle := r.Handle[c.Name]; handle != nil {
		return handle(ctx, dir, c, log)
	}
	return nil
}

// Runs lists the commands so far.
func (r *Runner) Runs() []build.Command {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.runs)
}

// Lines lists the command lines so far, one to a line.
func (r *Runner) Lines() string {
	var lines []string
	for _, c := range r.Runs() {
		lines = append(lines, c.String())
	}
	return strings.Join(lines, "\n")
}
