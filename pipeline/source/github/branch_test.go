package github_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

func TestChangesAreOrderedByAncestryWhateverTheClocksSay(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.commit("a")
	h.commit("b")
	h.day = h.day.AddDate(40, 0, 0)
	h.commit("c")
	h.day = h.day.AddDate(-50, 0, 0)
	d := h.commit("d\n\nThe body is not shown.")
	require.Equal(t, "d c b a", h.subjects(t, a))
	require.Equal(t, "d", h.subjects(t, d))
	require.Equal(t, "d c b a", h.subjects(t, ""))

	changes, err := h.branch.Changes(t.Context(), d)
	require.NoError(t, err)
	require.Equal(t, []pipeline.Change{{Revision: d, Author: "Ann", Subject: "d", Time: h.day}}, changes)
}

func TestWhatAMergeBroughtBelongsToTheMerge(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.commit("a")
	h.Push("topic", a)
	topic := h.Commit("topic", githubtest.Commit{Message: "t1"})
	h.Commit("topic", githubtest.Commit{Message: "t2"})
	h.commit("b")
	h.Merge("main", "topic", githubtest.Commit{Message: "merge"})
	h.commit("c")
	require.Equal(t, "c merge b a", h.subjects(t, a))
	require.Equal(t, "c merge t1", h.subjects(t, topic), "b does not descend from the topic")
	require.Equal(t, "c merge b a", h.subjects(t, ""))
}

func TestAFoxtrotMergeLosesNoRelease(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.commit("a")
	h.Push("mine", a)
	h.Commit("mine", githubtest.Commit{Message: "m1"})
	live := h.commit("b")
	h.Commit("mine", githubtest.Commit{Message: "m2"})
	h.Merge("mine", "main", githubtest.Commit{Message: "foxtrot"}) // its first parent is m2
	h.Push("main", h.Head("mine"))
	h.commit("c")
	require.Equal(t, "c foxtrot b", h.subjects(t, live))
	require.Equal(t, "c foxtrot m2 m1 a", h.subjects(t, a))
}

func TestLongBranchesComeInPages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	first := h.commit("0")
	for i := range 350 {
		h.commit(fmt.Sprint(i + 1))
	}
	changes, err := h.branch.Changes(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, changes, 351)
	for i, c := range changes {
		require.Equal(t, fmt.Sprint(350-i), c.Subject)
	}
	require.Len(t, strings.Fields(h.subjects(t, "")), 100, "as many as is reasonable")
}

func TestLaw03_AForcePushIsSeenAndNeverAnsweredInPart(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a, b := h.commit("a"), h.commit("b")
	require.Equal(t, "b a", h.subjects(t, a))

	h.Push("main", a)
	h.commit("c")
	_, err := h.branch.Changes(t.Context(), b)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch)
	require.Equal(t, "c a", h.subjects(t, a))

	h.Push("main", a)
	_, err = h.branch.Changes(t.Context(), b)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch, "pushed back behind")
	behind, err := h.branch.IsAncestor(t.Context(), a, b)
	require.NoError(t, err)
	require.True(t, behind, "what was shipped is still known")
	ahead, err := h.branch.IsAncestor(t.Context(), b, a)
	require.NoError(t, err)
	require.False(t, ahead)

	h.Lose(b)
	for _, revision := range []string{b, strings.Repeat("0", 40), "--all", "../../x"} {
		_, err = h.branch.Changes(t.Context(), revision)
		require.ErrorIs(t, err, pipeline.ErrNotOnBranch, revision)
		_, err = h.branch.IsAncestor(t.Context(), revision, a)
		require.ErrorIs(t, err, pipeline.ErrNotOnBranch, revision)
		_, err = h.branch.IsAncestor(t.Context(), revision, revision)
		require.ErrorIs(t, err, pipeline.ErrNotOnBranch, revision)
	}
	same, err := h.branch.IsAncestor(t.Context(), a, a)
	require.NoError(t, err)
	require.True(t, same)
}

func TestUnrelatedHistoriesHaveNoAncestors(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.commit("a")
	z := h.Commit("orphan", githubtest.Commit{Message: "z"})
	h.Push("main", z)
	_, err := h.branch.Changes(t.Context(), a)
	require.ErrorIs(t, err, pipeline.ErrNotOnBranch)
	yes, err := h.branch.IsAncestor(t.Context(), a, z)
	require.NoError(t, err)
	require.False(t, yes)
}

func TestACommitThatHasNotReachedAllServersIsNoWordOnTheBranch(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.commit("a")
	h.commit("b")
	h.server.Fail(githubtest.Fault{Path: "/compare/", Status: http.StatusNotFound})
	_, err := h.branch.Changes(t.Context(), a)
	require.Error(t, err)
	require.NotErrorIs(t, err, pipeline.ErrNotOnBranch, "both commits are there: an engine would stop for nothing")
	require.Equal(t, "b a", h.subjects(t, a))
}

func TestAComparisonThatIsNotWholeIsAnErrorAndIsNotRemembered(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a, b := h.commit("a"), h.commit("b")
	one := `{"sha":"` + b + `","parents":[{"sha":"` + a + `"}]}`
	for _, body := range []string{
		`{"status":"ahead","total_commits":2,"base_commit":{"sha":"` + a + `"},"commits":[` + one + `]}`,
		`{"status":"ahead","total_commits":1,"base_commit":{"sha":"` + b + `"},"commits":[` + one + `]}`,
		`{"status":"ahead","total_commits":0,"base_commit":{"sha":"` + a + `"},"commits":[]}`,
		`{"status":"ahead","total_commits":1,"base_commit":{"sha":"` + a + `"},"commits":[{"sha":"` + b + `","parents":[]}]}`,
	} {
		h.server.Fail(githubtest.Fault{Path: "/compare/", Body: body})
		_, err := h.branch.Changes(t.Context(), a)
		require.Error(t, err, body)
		require.NotErrorIs(t, err, pipeline.ErrNotOnBranch)
	}
	require.Equal(t, "b a", h.subjects(t, a))
}

func TestABranchThatIsGoneIsAnErrorAndNoEmptyList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		lose func(h *hub)
	}{
		{"deleted", func(h *hub) { h.DeleteBranch("main") }},
		{"renamed", func(h *hub) { h.RenameBranch("main", "trunk") }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			a := h.commit("a")
			require.Equal(t, "a", h.subjects(t, a))
			c.lose(h)
			for _, to := range []string{"", a} {
				_, err := h.branch.Changes(t.Context(), to)
				require.ErrorIs(t, err, github.ErrNoBranch)
				require.NotErrorIs(t, err, pipeline.ErrNotOnBranch)
				require.ErrorContains(t, err, "branch main of acme/web")
			}
		})
	}
	t.Run("empty", func(t *testing.T) {
		t.Parallel()
		_, err := newHub(t).branch.Changes(t.Context(), "")
		require.ErrorIs(t, err, github.ErrNoBranch)
	})
}

func TestARepositoryThatWasRenamedIsFollowed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	a := h.commit("a")
	h.Rename("acme/shop")
	h.commit("b")
	require.Equal(t, "b a", h.subjects(t, a))
}

func TestBranchesWithSlashesAndOtherCharacters(t *testing.T) {
	t.Parallel()
	h := newHub(t, func(c *github.Config) { c.Branch = "release/2.x#1 %41"[:13] + "%41" })
	h.Commit("release/2.x#1%41", githubtest.Commit{Message: "a"})
	require.Equal(t, "a", h.subjects(t, ""))
}

func TestAnEnterpriseServerOverTheNetwork(t *testing.T) {
	t.Parallel()
	server := githubtest.New()
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	h := newHub(t, func(c *github.Config) { c.BaseURL, c.Client = listening.URL+"/api/v3", nil })
	h.server, h.Repository = server, server.Repository("acme/web")
	first := h.commit("0")
	for i := range 150 {
		h.commit(fmt.Sprint(i + 1))
	}
	changes, err := h.branch.Changes(t.Context(), first)
	require.NoError(t, err)
	require.Len(t, changes, 151)
	require.Equal(t, pipeline.Passed, h.verdict(t, h.green(h.Head("main"))))
}

func TestTextOfOthersIsOneLineAndShort(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.Commit("main", githubtest.Commit{
		Message: "<script>alert(1)</script>\x1b[31m\r" + strings.Repeat("ä", 1<<17) + "\nmore", Author: strings.Repeat("x", 1<<17),
	})
	changes, err := h.branch.Changes(t.Context(), "")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(changes[0].Subject, "<script>alert(1)</script> [31m ä"), "it is escaped where it is shown")
	require.LessOrEqual(t, len(changes[0].Subject), 500)
	require.LessOrEqual(t, len(changes[0].Author), 200)
	require.NotContains(t, changes[0].Subject, "�")
}

func TestNothingIsAskedTwiceForABranchThatStands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		a := h.commit("a")
		h.commit("b")
		require.Equal(t, "b a", h.subjects(t, a))
		h.server.Forget()
		for range 100 {
			time.Sleep(15 * time.Second)
			require.Equal(t, "b a", h.subjects(t, a))
		}
		calls := h.server.Calls()
		require.Len(t, calls, 100)
		for _, c := range calls {
			require.True(t, c.Conditional)
			require.Equal(t, http.StatusNotModified, c.Status)
		}
	})
}

func TestAConfigThatCannotWorkIsRefusedWithAllThatIsWrong(t *testing.T) {
	t.Parallel()
	_, err := github.New(github.Config{
		Repository: "acme/../secrets", Branch: "refs/heads/main", BaseURL: "http://api.github.com", Required: []string{""}, Recheck: -1,
	})
	for _, what := range []string{"Repository", "Branch", "BaseURL", "Required", "Recheck"} {
		require.ErrorContains(t, err, what)
	}
	for _, url := range []string{"ftp://x", "https://user:pw@example.com", "x", "https://example.com/?a=b", "http://10.0.0.1"} {
		_, err := github.New(github.Config{Repository: "acme/web", Branch: "main", BaseURL: url})
		require.ErrorContains(t, err, "BaseURL", url)
		require.NotContains(t, err.Error(), "pw@")
	}
	for _, name := range []string{"acme/..", "acme", "", "acme/web/x", "acme/w b"} {
		_, err := github.New(github.Config{Repository: name, Branch: "main"})
		require.ErrorContains(t, err, "Repository", name)
	}
}
