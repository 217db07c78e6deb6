package ci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/pipeline"
)

// Verdict is what the store keeps of one run, under "ci/<name>/<revision>.verdict".
type Verdict struct {
	Revision string           `json:"revision"`
	Verdict  pipeline.Verdict `json:"verdict"`
	// Why says what went wrong, where the verdict is Failed.
	Why   string    `json:"why,omitempty"`
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
}

// validRevision is what may become part of a key and the name of a directory.
var validRevision = regexp.MustCompile(`^[A-Za-z0-9_-]{1,100}$`)

func (c *Command) key(revision, leaf string) string {
	return "ci/" + c.c.Name + "/" + revision + "." + leaf
}

// maxVerdict bounds what is read of a verdict, in bytes.
const maxVerdict = 64 << 10

// load returns the stored verdict of a revision; Pending when there is none.
func (c *Command) load(ctx context.Context, revision string) (pipeline.Verdict, error) {
	if !validRevision.MatchString(revision) {
		return pipeline.Pending, fmt.Errorf("judge %.40q: it is no revision", revision)
	}
	r, err := c.c.Store.Get(ctx, c.key(revision, "verdict"))
	if errors.Is(err, build.ErrNotFound) {
		return pipeline.Pending, nil
	}
	if err != nil {
		return pipeline.Pending, fmt.Errorf("read verdict of %.12s: %w", revision, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxVerdict))
	if err != nil {
		return pipeline.Pending, fmt.Errorf("read verdict of %.12s: %w", revision, err)
	}
	var v Verdict
	known := json.Unmarshal(data, &v) == nil && v.Revision == revision &&
		(v.Verdict == pipeline.Passed || v.Verdict == pipeline.Failed)
	if !known {
		return pipeline.Pending, nil // damaged: judged again, and written anew
	}
	return v.Verdict, nil
}

// run checks a revision out and runs the command there. An error means that nothing
// was learnt about the revision.
func (c *Command) run(ctx context.Context, revision string) (pipeline.Verdict, error) {
	if !validRevision.MatchString(revision) {
		return pipeline.Pending, fmt.Errorf("%.40q is no revision", revision)
	}
	dir, err := os.MkdirTemp(c.c.Dir, "muster-ci-")
	if err != nil {
		return pipeline.Pending, fmt.Errorf("make directory: %w", err)
	}
	defer remove(dir)
	tree := filepath.Join(dir, "tree")
	if err := os.Mkdir(tree, 0o755); err != nil {
		return pipeline.Pending, fmt.Errorf("make directory: %w", err)
	}
	if err := c.c.Trees.Checkout(ctx, revision, tree); err != nil {
		return pipeline.Pending, err
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return pipeline.Pending, fmt.Errorf("make log: %w", err)
	}
	defer log.Close()
	v := Verdict{Revision: revision, Verdict: pipeline.Passed, Began: time.Now().UTC()}
	if err := c.c.Runner.Run(ctx, tree, c.c.Command, log); err != nil {
		if ctx.Err() != nil || !judged(err) {
			return pipeline.Pending, err
		}
		v.Verdict, v.Why = pipeline.Failed, err.Error()
		fmt.Fprintf(log, "\n%s\n", v.Why)
	}
	v.Ended = time.Now().UTC()
	return v.Verdict, c.keep(ctx, v, log)
}

// judged reports whether an error of the runner says something about the revision:
// the command ran and did not end well. One that did not start, because the
// program is not there, says something about the machine.
func judged(err error) bool {
	var failed *build.CommandError
	if !errors.As(err, &failed) {
		return false
	}
	var exit *exec.ExitError
	return failed.Code > 0 || errors.As(err, &exit) ||
		errors.Is(err, build.ErrTimeout) || errors.Is(err, build.ErrIdle) || errors.Is(err, build.ErrDaemon)
}

// keep stores the log, and then the verdict: where there is a verdict, there is its
// log.
func (c *Command) keep(ctx context.Context, v Verdict, log *os.File) error {
	if c.c.Store == nil {
		return nil
	}
	if _, err := log.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read log: %w", err)
	}
	if err := c.c.Store.Put(ctx, c.key(v.Revision, "log"), log); err != nil {
		return fmt.Errorf("keep log: %w", err)
	}
	v.Why = v.Why[:min(len(v.Why), 4<<10)]
	data, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep verdict: %w", err)
	}
	if err := c.c.Store.Put(ctx, c.key(v.Revision, "verdict"), bytes.NewReader(data)); err != nil {
		return fmt.Errorf("keep verdict: %w", err)
	}
	return nil
}

// remove deletes a checkout, also where the command made directories in it that
// cannot be written to (a Go module cache).
func remove(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d os.DirEntry, _ error) error {
		if d != nil && d.IsDir() {
			_ = os.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir) // what is left is the machine's to clean
}
