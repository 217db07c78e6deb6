package git_test

import (
	"bytes"
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
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/git"
)

// repository is a real one, written to by the real git. Each commit is dated a day
// before the one before: whoever orders by time gets all wrong.
type repository struct {
	t   testing.TB
	dir string
	now time.Time
}

func newRepository(t testing.TB) *repository {
	r := &repository{t: t, dir: t.TempDir(), now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
	r.git("init", "-q", "-b", "main")
	return r
}

func (r *repository) git(args ...string) string {
	r.t.Helper()
	return r.gitWith(nil, args...)
}

func (r *repository) gitWith(stdin []byte, args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir, cmd.Stdin = r.dir, bytes.NewReader(stdin)
	date := r.now.Format(time.RFC3339)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com", "GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com",
		"GIT_AUTHOR_DATE="+date, "GIT_COMMITTER_DATE="+date)
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, "git %v: %s", args, out)
	return strings.TrimSpace(string(out))
}

func (r *repository) commit(subject string) string {
	r.t.Helper()
	r.now = r.now.AddDate(0, 0, -1)
	r.git("commit", "-q", "--allow-empty", "-m", subject)
	return r.git("rev-parse", "HEAD")
}

func (r *repository) merge(branch, subject string) string {
	r.t.Helper()
	r.now = r.now.AddDate(0, 0, -1)
	r.git("merge", "-q", "--no-ff", "-m", subject, branch)
	return r.git("rev-parse", "HEAD")
}

func source(t testing.TB, url, branch string) *git.Source {
	t.Helper()
	m, err := mirror.Open(t.Context(), mirror.Config{URL: url, Dir: filepath.Join(t.TempDir(), "mirror.git")})
	require.NoError(t, err)
	return git.New(m, branch)
}

func (r *repository) source() *git.Source { return source(r.t, r.dir, "main") }

// subjects are those of all changes back to a revision.
func subjects(t testing.TB, s *git.Source, to string) string {
	t.Helper()
	changes, err := s.Changes(t.Context(), to)
	require.NoError(t, err)
	var all []string
	for _, c := range changes {
		all = append(all, c.Subject)
	}
	return strings.Join(all, " ")
}

func TestChangesAreOrderedByAncestryWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	r.commit("b")
	r.now = r.now.AddDate(40, 0, 0) // a committer from the future
	r.commit("c")
	r.now = r.now.AddDate(-50, 0, 0)
	d := r.commit("d")
	s := r.source()
	require.Equal(t, "d c b a", subjects(t, s, a))
	require.Equal(t, "d", subjects(t, s, d))

	changes, err := s.Changes(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, []pipeline.Change{{Revision: d, Author: "Ann", Subject: "d", Time: r.now}}, changes)
}

func TestWhatAMergeBroughtBelongsToTheMerge(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	r.git("checkout", "-q", "-b", "topic")
	topic := r.commit("t1")
	r.commit("t2")
	r.git("checkout", "-q", "main")
	r.commit("b")
	r.merge("topic", "merge")
	r.commit("c")
	s := r.source()
	require.Equal(t, "c merge b a", subjects(t, s, a))
	require.Equal(t, "c merge t1", subjects(t, s, topic), "b does not descend from the topic")
}

func TestAFoxtrotMergeLosesNoRelease(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	r.git("checkout", "-q", "-b", "mine")
	r.commit("m1")
	r.git("checkout", "-q", "main")
	live := r.commit("b")
	r.git("checkout", "-q", "mine")
	r.commit("m2")
	r.merge("main", "foxtrot") // its first parent is m2: b is beside the line now
	r.git("branch", "-f", "main", "mine")
	r.git("checkout", "-q", "main")
	r.commit("c")
	r.commit("d")
	s := r.source()
	require.Equal(t, "d c foxtrot b", subjects(t, s, live))
	require.Equal(t, "d c foxtrot m2 m1 a", subjects(t, s, a))
}

func TestLaw03_AForcePushIsSeenAndNeverAnsweredInPart(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	b := r.commit("b")
	s := r.source()
	require.Equal(t, "b a", subjects(t, s, a))

	r.git("reset", "-q", "--hard", a)
	r.commit("c")
	_, err := s.Changes(t.Context(), b)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch)
	require.Equal(t, "c a", subjects(t, s, a))

	r.git("reset", "-q", "--hard", a)
	_, err = s.Changes(t.Context(), b)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch, "pushed back behind")
	behind, err := s.IsAncestor(t.Context(), a, b)
	require.NoError(t, err)
	require.True(t, behind, "what was shipped is still known")

	_, err = s.Changes(t.Context(), strings.Repeat("0", 40))
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch, "what does not exist is not on the branch")
	_, err = s.Changes(t.Context(), "--all")
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch, "nor is what is no commit id")
}

func TestUnrelatedHistoriesHaveNoAncestors(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	s := r.source()
	require.Equal(t, "a", subjects(t, s, ""))
	r.git("checkout", "-q", "--orphan", "other")
	z := r.commit("z")
	r.git("branch", "-f", "main", "other")
	_, err := s.Changes(t.Context(), a)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch)
	yes, err := s.IsAncestor(t.Context(), a, z)
	require.NoError(t, err)
	require.False(t, yes)
	_, err = s.IsAncestor(t.Context(), strings.Repeat("0", 40), z)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch)
}

func TestWithoutAReleaseTheNewestChangesAreListed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	for i := range 5 {
		r.commit(fmt.Sprint(i))
	}
	s := r.source()
	s.Newest = 3
	require.Equal(t, "4 3 2", subjects(t, s, ""))
	s.Newest = 0
	require.Equal(t, "4 3 2 1 0", subjects(t, s, ""))
}

func TestABranchThatIsGoneIsAnErrorAndNoEmptyList(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	s := r.source()
	require.Equal(t, "a", subjects(t, s, ""))
	r.git("checkout", "-q", "-b", "other")
	r.git("branch", "-D", "main")
	for _, to := range []string{"", a} {
		_, err := s.Changes(t.Context(), to)
		require.ErrorIs(t, err, mirror.ErrNoBranch)
		require.ErrorContains(t, err, "branch main")
	}
}

func TestAnEmptyRepositoryAndOneThatIsGoneAreErrors(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	_, err := r.source().Changes(t.Context(), "")
	require.ErrorIs(t, err, mirror.ErrNoBranch)

	a := r.commit("a")
	s := r.source()
	require.Equal(t, "a", subjects(t, s, a))
	require.NoError(t, os.RemoveAll(r.dir))
	_, err = s.Changes(t.Context(), a)
	require.Error(t, err, "what it was is not what it is")

	gone := source(t, filepath.Join(t.TempDir(), "gone"), "main")
	_, err = gone.Changes(t.Context(), "")
	require.ErrorContains(t, err, "gone")
}

func TestShallowHistoryIsAnErrorWhereTheAnswerLiesBeyondIt(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	r.commit("b")
	c := r.commit("c")
	r.commit("d")
	shallow := filepath.Join(t.TempDir(), "shallow")
	r.git("clone", "-q", "--depth=2", "file://"+r.dir, shallow)
	s := source(t, "file://"+shallow, "main")
	require.Equal(t, "d c", subjects(t, s, c))
	_, err := s.Changes(t.Context(), a)
	require.Error(t, err, "never a list that may lack a change")
}

func TestARemoteRepositoryIsFollowed(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	s := source(t, "file://"+r.dir, "main")
	require.Equal(t, "a", subjects(t, s, a))
	r.commit("b")
	require.Equal(t, "b a", subjects(t, s, a))
}

func TestManyMayAskAtOnce(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	a := r.commit("a")
	r.commit("b")
	s := r.source()
	errs := make(chan error, 4)
	for range 4 {
		go func() {
			changes, err := s.Changes(context.WithoutCancel(t.Context()), a)
			if err == nil && len(changes) != 2 {
				err = fmt.Errorf("%d changes", len(changes))
			}
			errs <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-errs)
	}
}

// long writes a branch of n commits, and returns its first.
func (r *repository) long(n int) string {
	var b bytes.Buffer
	for i := 1; i <= n; i++ {
		fmt.Fprintf(&b, "commit refs/heads/main\nmark :%d\ncommitter Ann <ann@example.com> %d +0000\ndata 1\n%d\n", i, 2_000_000_000-i, i%10)
		if i > 1 {
			fmt.Fprintf(&b, "from :%d\n", i-1)
		}
		b.WriteByte('\n')
	}
	r.gitWith(b.Bytes(), "fast-import", "--quiet", "--force")
	return r.git("rev-list", "--max-parents=0", "main")
}

func TestTenThousandChangesAreAllThere(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	first := r.long(10_000)
	s := r.source()
	changes, err := s.Changes(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, changes, 10_000)
	require.Equal(t, first, changes[9_999].Revision)
}

func BenchmarkChangesTenThousand(b *testing.B) {
	r := newRepository(b)
	first := r.long(10_000)
	s := r.source()
	_, err := s.Changes(b.Context(), first)
	require.NoError(b, err)
	for b.Loop() {
		if _, err := s.Changes(b.Context(), first); err != nil {
			b.Fatal(err)
		}
	}
}
