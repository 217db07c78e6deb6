package mirror_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/mirror"
)

// repository is a real one on disk, written to by the real git.
type repository struct {
	t   *testing.T
	dir string
	now time.Time
}

func newRepository(t *testing.T) *repository {
	r := &repository{t: t, dir: filepath.Join(t.TempDir(), "app"), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
	require.NoError(t, os.Mkdir(r.dir, 0o755))
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = r.dir
	date := r.now.Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (r *repository) write(name, content string) {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	require.NoError(r.t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(r.t, os.WriteFile(path, []byte(content), 0o644))
}

// commit writes a file and commits it with the subject.
func (r *repository) commit(subject string) string {
	r.t.Helper()
	r.now = r.now.Add(time.Minute)
	r.write("file.txt", subject)
	r.write("log/"+subject+".txt", subject)
	r.git("add", "-A")
	r.git("commit", "-q", "-m", subject, "-m", "body")
	return r.git("rev-parse", "HEAD")
}

// open returns a mirror of the repository, fetched.
func (r *repository) open() *mirror.Mirror {
	r.t.Helper()
	m := openMirror(r.t, r.dir, filepath.Join(r.t.TempDir(), "mirror.git"))
	require.NoError(r.t, m.Fetch(r.t.Context()))
	return m
}

func openMirror(t *testing.T, url, dir string) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Open(t.Context(), mirror.Config{URL: url, Dir: dir})
	require.NoError(t, err)
	return m
}

func subjects(commits []mirror.Commit) string {
	var s []string
	for _, c := range commits {
		s = append(s, c.Subject)
	}
	return strings.Join(s, " ")
}

func TestTheLogHasFirstParentsNewestFirstBackToAndIncludingTheOneAskedFor(t *testing.T) {
	r := newRepository(t)
	one := r.commit("one")
	two := r.commit("two")
	r.git("switch", "-q", "-c", "topic", one)
	side := r.commit("side")
	r.git("switch", "-q", "main")
	r.git("merge", "-q", "-X", "ours", "-m", "merge", "topic")
	r.commit("last")
	m := r.open()

	head, err := m.Resolve(t.Context(), "main")
	require.NoError(t, err)
	commits, err := m.Log(t.Context(), head, two)
	require.NoError(t, err)
	require.Equal(t, "last merge two", subjects(commits))
	require.Equal(t, "Ann", commits[0].Author)
	require.Equal(t, r.now, commits[0].Time)
	require.Len(t, commits[1].Parents, 2)

	all, err := m.Log(t.Context(), head, "")
	require.NoError(t, err)
	require.Equal(t, "last merge two one", subjects(all))

	_, err = m.Log(t.Context(), head, side)
	require.ErrorIs(t, err, mirror.ErrNotOnBranch)
	yes, err := m.IsAncestor(t.Context(), side, head)
	require.NoError(t, err)
	require.True(t, yes, "the merged commit is an ancestor all the same")
	no, err := m.IsAncestor(t.Context(), two, side)
	require.NoError(t, err)
	require.False(t, no)
}

func TestAForcePushIsFollowedAndTheOldCommitsAreKept(t *testing.T) {
	r := newRepository(t)
	one := r.commit("one")
	gone := r.commit("gone")
	m := r.open()
	r.git("reset", "-q", "--hard", one)
	other := r.commit("other")
	require.NoError(t, m.Fetch(t.Context()))

	head, err := m.Resolve(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, other, head)
	_, err = m.Log(t.Context(), head, gone)
	require.ErrorIs(t, err, mirror.ErrNotOnBranch)
	yes, err := m.IsAncestor(t.Context(), one, gone)
	require.NoError(t, err, "what was shipped once can still be asked about")
	require.True(t, yes)
	require.NoError(t, m.Checkout(t.Context(), gone, t.TempDir()))
}

func TestABranchThatIsGoneIsErrNoBranchAndNamesTheOthers(t *testing.T) {
	r := newRepository(t)
	r.commit("one")
	r.git("branch", "release")
	m := r.open()
	_, err := m.Resolve(t.Context(), "release")
	require.NoError(t, err)
	r.git("branch", "-D", "release")
	r.git("branch", "release/next")
	require.NoError(t, m.Fetch(t.Context()), "a name that became a directory")
	_, err = m.Resolve(t.Context(), "release")
	require.ErrorIs(t, err, mirror.ErrNoBranch)
	require.ErrorContains(t, err, "main")
	for _, bad := range []string{"", "-x", "a..b", "main^", "main~1", "a b", "@{-1}", "x\n"} {
		_, err := m.Resolve(t.Context(), bad)
		require.ErrorIs(t, err, mirror.ErrNoBranch, "%q", bad)
	}
}

func TestAnEmptyRepositoryHasNoBranch(t *testing.T) {
	m := newRepository(t).open()
	_, err := m.Resolve(t.Context(), "main")
	require.ErrorIs(t, err, mirror.ErrNoBranch)
	require.ErrorContains(t, err, "no branches")
}

func TestAShallowRemoteIsErrShallowUntilItIsCompleted(t *testing.T) {
	full := newRepository(t)
	one := full.commit("one")
	two := full.commit("two")
	full.commit("three")
	shallow := filepath.Join(t.TempDir(), "shallow")
	full.git("clone", "-q", "--depth=2", "file://"+full.dir, shallow)

	m := openMirror(t, "file://"+shallow, filepath.Join(t.TempDir(), "m.git"))
	require.NoError(t, m.Fetch(t.Context()))
	head, err := m.Resolve(t.Context(), "main")
	require.NoError(t, err)
	commits, err := m.Log(t.Context(), head, two)
	require.NoError(t, err, "what is there is enough")
	require.Equal(t, "three two", subjects(commits))
	_, err = m.Log(t.Context(), head, "")
	require.ErrorIs(t, err, mirror.ErrShallow)
	_, err = m.IsAncestor(t.Context(), head, two)
	require.ErrorIs(t, err, mirror.ErrShallow)

	full.git("-C", shallow, "fetch", "-q", "--unshallow")
	require.NoError(t, m.Fetch(t.Context()))
	commits, err = m.Log(t.Context(), head, one)
	require.NoError(t, err)
	require.Equal(t, "three two one", subjects(commits))
}

func TestACheckoutHasTheTreeAndNothingOfGit(t *testing.T) {
	r := newRepository(t)
	r.write(".gitattributes", "*.txt text eol=lf\nskip export-ignore\n")
	r.write("skip", "kept: this is no export")
	r.write("run.sh", "#!/bin/sh\n")
	require.NoError(t, os.Chmod(filepath.Join(r.dir, "run.sh"), 0o755))
	require.NoError(t, os.Symlink("file.txt", filepath.Join(r.dir, "link")))
	one := r.commit("one")
	two := r.commit("two")
	m := r.open()

	dir := filepath.Join(t.TempDir(), "tree")
	require.NoError(t, m.Checkout(t.Context(), one, dir))
	require.NoFileExists(t, filepath.Join(dir, ".git"))
	require.NoFileExists(t, filepath.Join(dir, "log/two.txt"))
	require.FileExists(t, filepath.Join(dir, "skip"))
	b, err := os.ReadFile(filepath.Join(dir, "link"))
	require.NoError(t, err)
	require.Equal(t, "one", string(b))
	info, err := os.Stat(filepath.Join(dir, "run.sh"))
	require.NoError(t, err)
	require.NotZero(t, info.Mode()&0o100)
	require.ErrorContains(t, m.Checkout(t.Context(), two, dir), "not empty")
}

func TestACheckoutFetchesARevisionThatIsMissing(t *testing.T) {
	r := newRepository(t)
	r.commit("one")
	m := r.open()
	two := r.commit("two")
	require.NoError(t, m.Checkout(t.Context(), two, filepath.Join(t.TempDir(), "tree")))

	dir := filepath.Join(t.TempDir(), "tree")
	err := m.Checkout(t.Context(), strings.Repeat("ab", 20), dir)
	require.ErrorIs(t, err, mirror.ErrNoRevision)
	require.NoDirExists(t, dir)
	for _, bad := range []string{"", "HEAD", "main", "--help", two[:12], strings.ToUpper(two), two + "\n"} {
		require.ErrorIs(t, m.Checkout(t.Context(), bad, dir), mirror.ErrNoRevision, "%q", bad)
		_, err := m.Log(t.Context(), bad, two)
		require.ErrorIs(t, err, mirror.ErrNoRevision, "%q", bad)
	}
}

func TestARepositoryThatIsGoneNamesItsURLAndGitsLastLines(t *testing.T) {
	r := newRepository(t)
	one := r.commit("one")
	m := r.open()
	require.NoError(t, os.Rename(r.dir, r.dir+".away"))
	err := m.Fetch(t.Context())
	require.ErrorContains(t, err, r.dir)
	require.ErrorContains(t, err, "does not appear to be a git repository")
	var g *mirror.Error
	require.ErrorAs(t, err, &g)
	require.Equal(t, 128, g.Code)
	head, err := m.Resolve(t.Context(), "main")
	require.NoError(t, err, "the mirror keeps what it had")
	require.Equal(t, one, head)
}

func TestSeveralMirrorsOfOneDirectoryFetchSideBySide(t *testing.T) {
	r := newRepository(t)
	r.commit("one")
	dir := filepath.Join(t.TempDir(), "m.git")
	errs := make(chan error)
	for range 6 {
		go func() {
			m, err := mirror.Open(t.Context(), mirror.Config{URL: r.dir, Dir: dir})
			if err == nil {
				err = m.Fetch(t.Context())
			}
			errs <- err
		}()
	}
	for range 6 {
		require.NoError(t, <-errs)
	}
}

func TestLocksOfAKilledGitDoNotStopTheNextFetch(t *testing.T) {
	r := newRepository(t)
	r.commit("one")
	dir := filepath.Join(t.TempDir(), "m.git")
	m := openMirror(t, r.dir, dir)
	require.NoError(t, m.Fetch(t.Context()))
	two := r.commit("two")
	for _, name := range []string{"packed-refs.lock", "refs/heads/main.lock", "shallow.lock"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), nil, 0o644))
	}
	require.NoError(t, m.Fetch(t.Context()))
	head, err := m.Resolve(t.Context(), "main")
	require.NoError(t, err)
	require.Equal(t, two, head)
}

func TestOneDirectoryMirrorsOneRepository(t *testing.T) {
	a, b := newRepository(t), newRepository(t)
	dir := filepath.Join(t.TempDir(), "m.git")
	openMirror(t, a.dir, dir)
	_, err := mirror.Open(t.Context(), mirror.Config{URL: b.dir, Dir: dir})
	require.ErrorContains(t, err, a.dir)
	_, err = mirror.Open(t.Context(), mirror.Config{URL: a.dir, Dir: t.TempDir()})
	require.Error(t, err, "a directory that is somebody else's")
}

func TestOpenComplainsOfEverythingAtOnce(t *testing.T) {
	_, err := mirror.Open(t.Context(), mirror.Config{URL: "ext::sh -c x", Env: []string{"NOPE"}})
	require.ErrorContains(t, err, "transport")
	require.ErrorContains(t, err, "no directory")
	require.ErrorContains(t, err, "environment")
	for _, bad := range []string{"", "-u", "https://", "https://user:hunter2@%zz/"} {
		_, err := mirror.Open(t.Context(), mirror.Config{URL: bad, Dir: t.TempDir()})
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestAnEndedContextStopsAFetch(t *testing.T) {
	r := newRepository(t)
	m := r.open()
	ctx, stop := context.WithCancelCause(t.Context())
	stop(fmt.Errorf("no longer wanted"))
	require.ErrorContains(t, m.Fetch(ctx), "no longer wanted")
}
