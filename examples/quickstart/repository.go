package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

//go:embed shop.go.txt
var shop string

// change is a commit, and what the page says once it is live.
type change struct {
	revision, subject, page string
	at                      time.Time
}

func (c change) short() string { return c.revision[:7] }

// repository is the shop's, with its work tree.
type repository struct {
	dir    string
	source string // of the shop, at its head
}

func newRepository(ctx context.Context, dir string) (*repository, error) {
	r := &repository{dir: dir, source: shop}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module shop\n\ngo 1.24\n"), 0o644); err != nil {
		return nil, err
	}
	_, err := r.git(ctx, "init", "--quiet", "--initial-branch=main")
	return r, err
}

// commit replaces a piece of the shop's source, and commits the result.
func (r *repository) commit(ctx context.Context, subject, old, new string) (change, error) {
	if !strings.Contains(r.source, old) {
		return change{}, fmt.Errorf("commit %q: %q is not in the source", subject, old)
	}
	r.source = strings.Replace(r.source, old, new, 1)
	if err := os.WriteFile(filepath.Join(r.dir, "main.go"), []byte(r.source), 0o644); err != nil {
		return change{}, err
	}
	if _, err := r.git(ctx, "add", "--all"); err != nil {
		return change{}, err
	}
	if _, err := r.git(ctx, "commit", "--quiet", "--message="+subject); err != nil {
		return change{}, err
	}
	c := change{subject: subject, at: time.Now()}
	_, after, _ := strings.Cut(r.source, `const greeting = "`)
	c.page, _, _ = strings.Cut(after, `"`)
	var err error
	c.revision, err = r.git(ctx, "rev-parse", "HEAD")
	return c, err
}

func (r *repository) git(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = r.dir
	cmd.Env = append(os.Environ(),
		"GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_AUTHOR_NAME=shop", "GIT_AUTHOR_EMAIL=shop@example.com",
		"GIT_COMMITTER_NAME=shop", "GIT_COMMITTER_EMAIL=shop@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}
