// Package mirror keeps a bare copy of one git repository on this machine, fetched
// incrementally by the git binary, and answers what a deployer asks of it: the
// branch's head and its first parents, ancestry, and the tree of a revision.
//
//	m, err := mirror.Open(ctx, mirror.Config{URL: "https://example.com/app.git", Dir: "/var/lib/deployer/app.git"})
//	err = m.Fetch(ctx)
//	head, err := m.Resolve(ctx, "main")
//	changes, err := m.Log(ctx, head, live)
//	err = m.Checkout(ctx, head, "/tmp/tree")
//
// A Mirror is a source of trees for a build.Workshop. Several processes may use
// one directory: a fetch holds a lock, all the rest only reads.
//
// What is fetched is the branches. A commit that was once fetched is kept, also
// when a force-push took it off its branch: what was shipped can be named for
// ever. Submodules are out of scope: their directories are empty in a checkout.
//
// Git runs without hooks, without prompts, without the GIT_ variables of this
// process. The user's git configuration is read, since credential helpers and
// proxies are set up there. A password in the URL is given to git by environment
// and taken out of errors; it is neither on a command line nor in the mirror.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/muster-deploy/muster/build/internal/filelock"
)

var (
	// ErrNoBranch says that the repository had no branch of that name when it was
	// last fetched.
	ErrNoBranch = errors.New("mirror: no such branch")

	// ErrNoRevision says that the mirror does not hold a commit.
	ErrNoRevision = errors.New("mirror: no such revision")

	// ErrNotOnBranch says that a commit is not among the first parents of another:
	// the branch was rewritten, or the commit came by a merge.
	ErrNotOnBranch = errors.New("mirror: revision is not on the branch")

	// ErrShallow says that an answer lies beyond the history that the remote
	// repository has: it is a shallow clone itself.
	ErrShallow = errors.New("mirror: history of the remote repository is cut off")
)

// Config says what to mirror and where.
type Config struct {
	// URL is what git can fetch from: https, http, ssh, git, file, a path, or
	// host:path. A user and password in an http(s) URL are kept secret.
	URL string
	// Dir is the mirror's directory, made if it is not there. It belongs to this
	// package alone.
	Dir string
	// Git is the binary; empty means git on the PATH. It has to be 2.32 or newer.
	Git string
	// Env are further variables for git, "NAME=value": GIT_SSH_COMMAND for a key
	// of one's own. The GIT_ variables of this process are not passed on.
	Env []string
	// Timeout bounds one fetch; zero means 15 minutes.
	Timeout time.Duration
}

// Mirror is a bare copy of one repository. All methods may be called by many
// goroutines and processes at once.
type Mirror struct {
	config Config
	remote remote
}

// Commit is one commit of a branch.
type Commit struct {
	// Revision is the full commit id.
	Revision string
	// Author and Email are the author's; Subject is the first line of the message.
	Author, Email, Subject string
	// Time is the committer's.
	Time time.Time
	// Parents are the ids of the parents, the first one first.
	Parents []string
}

// Open returns the mirror at c.Dir and makes an empty one where there is none. It
// does not reach for the remote repository; Fetch does. All complaints about c
// come at once. A directory that mirrors another repository is an error.
func Open(ctx context.Context, c Config) (*Mirror, error) {
	rem, err := c.check()
	if err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	if c.Git == "" {
		c.Git = "git"
	}
	if c.Timeout == 0 {
		c.Timeout = 15 * time.Minute
	}
	if c.Dir, err = filepath.Abs(c.Dir); err != nil {
		return nil, fmt.Errorf("open mirror: %w", err)
	}
	m := &Mirror{config: c, remote: rem}
	if err := m.ensure(ctx); err != nil {
		return nil, fmt.Errorf("open mirror of %s: %w", rem.shown, err)
	}
	return m, nil
}

// check validates c and takes the credentials out of its URL.
func (c Config) check() (remote, error) {
	rem, err := parseRemote(c.URL)
	if c.Dir == "" {
		err = errors.Join(err, errors.New("no directory: set Config.Dir"))
	}
	for _, v := range c.Env {
		if !strings.Contains(v, "=") {
			err = errors.Join(err, fmt.Errorf("environment: want NAME=value, found a variable without \"=\""))
		}
	}
	return rem, err
}

// ensure makes the mirror's directory under a temporary name and renames it, so
// that a half made one is never met.
func (m *Mirror) ensure(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(m.config.Dir, "HEAD")); err == nil {
		return m.checkOrigin(ctx)
	}
	if err := os.MkdirAll(filepath.Dir(m.config.Dir), 0o755); err != nil {
		return err
	}
	lock, err := filelock.Acquire(ctx, m.lockFile())
	if err != nil {
		return err
	}
	defer lock.Release()
	if _, err := os.Stat(filepath.Join(m.config.Dir, "HEAD")); err == nil {
		return m.checkOrigin(ctx)
	}
	tmp := m.config.Dir + ".new"
	if err := os.RemoveAll(tmp); err != nil {
		return err
	}
	if _, err := m.git(ctx, command{args: []string{"init", "--quiet", "--bare", "--template=", "--", tmp}}); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(tmp, originFile), []byte(m.remote.shown+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, m.config.Dir)
}

// originFile holds the URL without credentials. It is not in git's own config,
// which only git writes.
const originFile = "muster-origin"

// checkOrigin refuses a directory that mirrors something else: fetching would
// mix two histories.
func (m *Mirror) checkOrigin(context.Context) error {
	b, err := os.ReadFile(filepath.Join(m.config.Dir, originFile))
	if err != nil {
		return fmt.Errorf("%s is not a mirror that this package made: %w", m.config.Dir, err)
	}
	if got := strings.TrimSpace(string(b)); got != m.remote.shown {
		return fmt.Errorf("%s mirrors %s: take another directory, or remove it", m.config.Dir, got)
	}
	return nil
}

func (m *Mirror) lockFile() string { return m.config.Dir + ".lock" }
