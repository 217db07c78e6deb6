package build

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"sync"
)

// Builder turns a source tree into a tree that is ready to run.
//
// The package buildtest holds the conformance suite.
type Builder interface {
	// Build works in ws.Dir and nowhere else, runs commands by way of ws.Run, and
	// says what of ws.Dir is the artifact. Two builds of one revision yield equal
	// trees, wherever and whenever they run. It may be called for several
	// workspaces at once. When ctx ends, it returns soon, and nothing that it
	// started is left running.
	Build(ctx context.Context, ws *Workspace) (Output, error)
}

// Output says what of a workspace is the artifact.
type Output struct {
	// Dir is the directory that becomes the artifact's root, slash-separated and
	// relative to the workspace; empty means the workspace itself.
	Dir string
	// Omit lists files and directories, relative to Dir, that are left out.
	Omit []string
	// Classes gives files a class, by path relative to Dir.
	Classes map[string]Class
	// Tools is what the build chose, and why.
	Tools []Tool
}

// Workspace is the source tree of one revision and what a Builder may use. Its
// methods may be called by several goroutines at once.
type Workspace struct {
	// Dir is the absolute path of the tree. It is another one each time: it must
	// not get into the artifact.
	Dir string
	// Revision is the full commit id.
	Revision string
	// Log is what the build tells people, line by line. Nil: nobody listens.
	Log io.Writer
	// Runner runs the commands; nil means Local.
	Runner Runner
	// Cache keeps directories from one build to the next; nil keeps nothing.
	Cache *Cache

	local    Local
	mu       sync.Mutex
	secrets  map[string]string
	placed   map[string]placement // by path, slash-separated, relative to Dir
	borrowed map[string]*loan     // by absolute path; also what is pledged
	careful  bool                 // nothing is placed: the cache has lost it before
}

// Run runs one command in the workspace, by way of the Runner.
func (ws *Workspace) Run(ctx context.Context, c Command) error {
	if err := c.Check(); err != nil {
		return fmt.Errorf("run a command: %w", err)
	}
	ws.learn(c.Secrets)
	runner := ws.Runner
	if runner == nil {
		runner = &ws.local
	}
	ws.Logf("$ %s", c)
	err := runner.Run(ctx, ws.Dir, c, ws.log())
	if failed, ok := errors.AsType[*CommandError](err); ok {
		failed.temporary = failed.Code > 0 && c.Network && slices.ContainsFunc(c.Transient, failed.says)
	}
	return err
}

// Logf writes one line to the log, without the secrets that commands were given so
// far.
func (ws *Workspace) Logf(format string, args ...any) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	r := NewRedactor(ws.log(), ws.secrets)
	// A log that cannot be written is no reason to fail a build.
	_, _ = fmt.Fprintf(r, format+"\n", args...)
	_ = r.Flush()
}

// Announce writes what the build chose, and why, to the log, a line each. Builders
// call it before they run anything, so that a log begins with its versions.
func (ws *Workspace) Announce(tools ...Tool) {
	for _, t := range tools {
		ws.Logf("uses %s", t)
	}
}

// log returns the log, or one that nobody reads.
func (ws *Workspace) log() io.Writer {
	if ws.Log == nil {
		return io.Discard
	}
	return ws.Log
}

// learn notes secrets that were given to commands: no file of the artifact may
// hold one.
func (ws *Workspace) learn(secrets map[string]string) {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	for name, value := range secrets {
		if ws.secrets == nil {
			ws.secrets = map[string]string{}
		}
		ws.secrets[name] = value
	}
}

// Record returns what out names as an artifact that reads from the workspace. A
// secret that was given to a command and is in one of the files is an error.
func (ws *Workspace) Record(ctx context.Context, out Output, l Limits) (*Artifact, error) {
	dir, err := below(ws.Dir, out.Dir)
	if err != nil {
		return nil, fmt.Errorf("record the output: %w", err)
	}
	ws.mu.Lock()
	secrets := maps.Clone(ws.secrets)
	ws.mu.Unlock()
	a, err := record(ctx, dir, RecordOptions{Limits: l, Omit: out.Omit, Classes: out.Classes, Secrets: secrets}, ws.placements(out.Dir))
	if err != nil {
		return nil, err
	}
	if len(a.Manifest) == 0 {
		return nil, fmt.Errorf("record the output: there is no file in %q", filepath.ToSlash(filepath.Join(".", out.Dir)))
	}
	a.Tools = out.Tools
	return a, nil
}

// Restore puts what was saved under one of the keys to dir, which is relative to the
// workspace and missing or empty, and returns the key that it was saved under; ""
// where there is nothing, and dir is as it was. See Cache.Restore for the keys.
func (ws *Workspace) Restore(ctx context.Context, dir string, keys ...string) (hit string, err error) {
	if ws.Cache == nil {
		return "", nil
	}
	at, err := ws.inside(dir)
	if err != nil {
		return "", fmt.Errorf("restore %s: %w", dir, err)
	}
	ws.unplace(at)
	hit, err = ws.Cache.give(ctx, ws.Dir, at, keys)
	if err == nil && hit != "" {
		ws.Logf("%s restored from cache %s", dir, hit)
	}
	return hit, err
}

// Save keeps dir, relative to the workspace, under key, for builds to come. What is
// there under key already stays.
func (ws *Workspace) Save(ctx context.Context, dir, key string) error {
	if ws.Cache == nil {
		return nil
	}
	at, err := ws.inside(dir)
	if err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	return ws.Cache.take(ctx, ws.Dir, at, key, copied)
}

// Give keeps dir as Save does, for a builder that needs it no more: it may be gone
// afterwards, and it must not be part of the artifact. It costs a fraction of Save.
func (ws *Workspace) Give(ctx context.Context, dir, key string) error {
	if ws.Cache == nil {
		return nil
	}
	at, err := ws.inside(dir)
	if err != nil {
		return fmt.Errorf("save %s: %w", dir, err)
	}
	if borrowed, err := ws.repay(at, key); borrowed {
		if err != nil {
			return fmt.Errorf("give %s back to cache %s: %w", dir, key, err)
		}
		return nil
	}
	return ws.Cache.take(ctx, ws.Dir, at, key, moved)
}

// inside returns the absolute path of dir, whose parent is in the workspace.
func (ws *Workspace) inside(dir string) (string, error) {
	if !isLocal(dir) || filepath.Clean(dir) == "." {
		return "", errors.New("it is not a directory inside the workspace")
	}
	if err := makeInside(ws.Dir, filepath.Dir(dir)); err != nil {
		return "", err
	}
	parent, err := below(ws.Dir, filepath.Dir(dir))
	return filepath.Join(parent, filepath.Base(dir)), err
}
