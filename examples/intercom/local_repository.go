package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

//go:embed apps/web.go.txt
var webApp string

//go:embed apps/ember.go.txt
var emberApp string

// repository stands in for one on GitHub, with a developer who pushes to it.
type repository struct {
	name, dir string
	pushed    func()

	mu      sync.Mutex
	source  string
	version int
}

func newRepository(ctx context.Context, dir, name, source string) (*repository, error) {
	r := &repository{name: name, dir: dir, source: source, version: 1, pushed: func() {}}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module "+name+"\n\ngo 1.24\n"), 0o644); err != nil {
		return nil, err
	}
	if _, err := r.git(ctx, "init", "--quiet", "--initial-branch=main"); err != nil {
		return nil, err
	}
	return r, r.commit(ctx, "The first version of "+name)
}

// The lines of an app that a change changes.
const (
	works  = `const problem = ""`
	broken = `const problem = "the database has no such column"`
	cannot = `const problem = missing` // does not compile
)

// push commits a change: one that works, or a broken one. One that works on top of a
// broken one is its fix.
func (r *repository) push(ctx context.Context, breaks bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	subject := fmt.Sprintf("Greet with version %d", r.version+1)
	was := fmt.Sprintf("const version = %d", r.version)
	r.version++
	r.source = strings.Replace(r.source, was, fmt.Sprintf("const version = %d", r.version), 1)
	bad := broken
	if r.name == "ember" {
		bad = cannot
	}
	switch {
	case breaks:
		subject = "Read the column that the next migration adds"
		r.source = strings.Replace(r.source, works, bad, 1)
	case strings.Contains(r.source, bad):
		subject = "Fix what was broken, and g" + subject[1:]
		r.source = strings.Replace(r.source, bad, works, 1)
	}
	err := r.commit(ctx, subject)
	r.pushed()
	return err
}

func (r *repository) commit(ctx context.Context, subject string) error {
	if err := os.WriteFile(filepath.Join(r.dir, "main.go"), []byte(r.source), 0o644); err != nil {
		return err
	}
	if _, err := r.git(ctx, "add", "--all"); err != nil {
		return err
	}
	_, err := r.git(ctx, "commit", "--quiet", "--message="+subject)
	return err
}

func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME="+r.name, "GIT_AUTHOR_EMAIL="+r.name+"@example.com",
		"GIT_COMMITTER_NAME="+r.name, "GIT_COMMITTER_EMAIL="+r.name+"@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
