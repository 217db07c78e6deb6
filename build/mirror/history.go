package mirror

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Resolve returns the revision at the head of branch, as of the last Fetch, or
// ErrNoBranch.
func (m *Mirror) Resolve(ctx context.Context, branch string) (string, error) {
	if err := checkBranch(branch); err != nil {
		return "", err
	}
	out, err := m.git(ctx, command{args: []string{"rev-parse", "--verify", "--quiet", "--end-of-options", "refs/heads/" + branch + "^{commit}"}})
	if refused(err, 1) {
		return "", fmt.Errorf("resolve branch %s of %s: %w%s", branch, m.remote.shown, ErrNoBranch, m.otherwise(ctx))
	}
	if err != nil {
		return "", fmt.Errorf("resolve branch %s of %s: %w", branch, m.remote.shown, err)
	}
	return strings.TrimSpace(out), nil
}

// otherwise says in brief what branches there are.
func (m *Mirror) otherwise(ctx context.Context) string {
	out, err := m.git(ctx, command{args: []string{"for-each-ref", "--count=6", "--format=%(refname:strip=2)", "refs/heads/"}})
	if err != nil {
		return ""
	}
	names := strings.Fields(out)
	if len(names) == 0 {
		return " (the repository has no branches, or was never fetched)"
	}
	if len(names) > 5 {
		names[5] = "..."
	}
	return " (it has " + strings.Join(names, ", ") + ")"
}

// checkBranch lets through what may be a branch, and nothing that git reads as
// anything else.
func checkBranch(branch string) error {
	bad := func(r rune) bool { return unicode.IsControl(r) || strings.ContainsRune(" ~^:?*[\\", r) }
	if branch == "" || strings.HasPrefix(branch, "-") || strings.Contains(branch, "..") ||
		strings.Contains(branch, "@{") || strings.ContainsFunc(branch, bad) {
		return fmt.Errorf("%.80q cannot be the name of a branch: %w", branch, ErrNoBranch)
	}
	return nil
}

// checkRevision lets full commit ids through: 40 or 64 hexadecimal digits.
func checkRevision(revision string) error {
	if len(revision) != 40 && len(revision) != 64 {
		return fmt.Errorf("%.80q is no full commit id: %w", revision, ErrNoRevision)
	}
	for _, c := range []byte(revision) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return fmt.Errorf("%.80q is no full commit id: %w", revision, ErrNoRevision)
		}
	}
	return nil
}

// holds returns ErrNoRevision if the mirror has no commit of that id.
func (m *Mirror) holds(ctx context.Context, revision string) error {
	if err := checkRevision(revision); err != nil {
		return err
	}
	_, err := m.git(ctx, command{args: []string{"cat-file", "-e", revision + "^{commit}"}})
	var g *Error
	if errors.As(err, &g) && ctx.Err() == nil && g.Code > 0 {
		return fmt.Errorf("commit %s of %s: %w", revision, m.remote.shown, ErrNoRevision)
	}
	return err
}

// IsAncestor says whether commit a is b or an ancestor of b, by any parent. A
// commit that the mirror lacks is ErrNoRevision. Where the remote's history is cut
// off, a "no" could not be trusted: that is ErrShallow.
func (m *Mirror) IsAncestor(ctx context.Context, a, b string) (bool, error) {
	for _, revision := range []string{a, b} {
		if err := m.holds(ctx, revision); err != nil {
			return false, fmt.Errorf("compare %.12s with %.12s: %w", a, b, err)
		}
	}
	_, err := m.git(ctx, command{args: []string{"merge-base", "--is-ancestor", a, b}})
	switch {
	case err == nil:
		return true, nil
	case refused(err, 1) && m.shallow():
		return false, fmt.Errorf("compare %.12s with %.12s: %w", a, b, ErrShallow)
	case refused(err, 1):
		return false, nil
	}
	return false, fmt.Errorf("compare %.12s with %.12s: %w", a, b, err)
}

// shallow says whether history is cut off somewhere.
func (m *Mirror) shallow() bool {
	_, err := os.Stat(filepath.Join(m.config.Dir, "shallow"))
	return err == nil
}

// Log returns the commits from head back to and including to, first parents only,
// newest first. With to empty it goes back to the first commit. It is complete or
// an error: ErrNoRevision for an id that the mirror lacks, ErrNotOnBranch where to
// is not among head's first parents, ErrShallow where history is cut off before.
func (m *Mirror) Log(ctx context.Context, head, to string) ([]Commit, error) {
	commits, err := m.log(ctx, head, to)
	if err != nil {
		return nil, fmt.Errorf("list commits of %s from %.12s back to %.12s: %w", m.remote.shown, head, to, err)
	}
	return commits, nil
}

func (m *Mirror) log(ctx context.Context, head, to string) ([]Commit, error) {
	ends := []string{head}
	if to != "" {
		ends = append(ends, to)
	}
	for _, revision := range ends {
		if err := checkRevision(revision); err != nil {
			return nil, err
		}
	}
	commits, found, err := m.walk(ctx, head, to)
	if found {
		return commits, nil
	}
	for _, revision := range ends { // most often they are there: git is asked only now
		if err := m.holds(ctx, revision); err != nil {
			return nil, err
		}
	}
	switch {
	case err != nil:
		return nil, err
	case len(commits) > 0 && m.cutAt(commits[len(commits)-1].Revision):
		return nil, ErrShallow
	case to != "":
		return nil, ErrNotOnBranch
	}
	return commits, nil
}

// cutAt says whether the parents of a commit are missing since the remote is shallow.
func (m *Mirror) cutAt(revision string) bool {
	b, err := os.ReadFile(filepath.Join(m.config.Dir, "shallow"))
	return err == nil && strings.Contains(string(b), revision)
}

// logFormat is one commit on one line: none of the fields can hold a NUL or a newline.
const logFormat = "--format=tformat:%H%x00%P%x00%an%x00%ae%x00%ct%x00%s"

// walk reads the log until it meets to, and then stops git.
func (m *Mirror) walk(ctx context.Context, head, to string) (commits []Commit, found bool, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := m.git(ctx, command{args: []string{"log", "--first-parent", "--no-color", logFormat, head, "--"}, stdout: w})
		w.CloseWithError(err)
		ended <- err
	}()
	defer func() { stop(); r.Close(); <-ended }()

	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return commits, false, nil
		}
		if err != nil {
			return nil, false, err
		}
		c, err := parseCommit(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, false, err
		}
		commits = append(commits, c)
		if c.Revision == to {
			return commits, true, nil
		}
	}
}

// parseCommit reads one line of the log.
func parseCommit(line string) (Commit, error) {
	f := strings.SplitN(line, "\x00", 6)
	if len(f) != 6 || checkRevision(f[0]) != nil {
		return Commit{}, fmt.Errorf("git log said %.80q", line)
	}
	seconds, err := strconv.ParseInt(f[4], 10, 64)
	if err != nil {
		return Commit{}, fmt.Errorf("git log gave the time of %s as %.40q", f[0], f[4])
	}
	return Commit{
		Revision: f[0], Parents: strings.Fields(f[1]), Author: f[2], Email: f[3],
		Time: time.Unix(seconds, 0).UTC(), Subject: f[5],
	}, nil
}
