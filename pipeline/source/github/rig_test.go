package github_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

// hub is a GitHub with one repository, and the branch main of it as a pipeline sees it.
type hub struct {
	*githubtest.Repository
	server *githubtest.Server
	branch *github.Branch
	day    time.Time
}

func token(context.Context) (string, error) { return githubtest.Token, nil }

func newHub(t testing.TB, tune ...func(*github.Config)) *hub {
	t.Helper()
	server := githubtest.New()
	h := &hub{Repository: server.Repository("acme/web"), server: server, day: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
	c := github.Config{
		Repository: "acme/web", Branch: "main", Token: token, BaseURL: githubtest.URL, Client: server.Client(),
	}
	for _, f := range tune {
		f(&c)
	}
	var err error
	h.branch, err = github.New(c)
	require.NoError(t, err)
	return h
}

// commit commits on main. Each commit is dated a day before the one before: whoever
// orders by time gets all wrong.
func (h *hub) commit(message string) string {
	h.day = h.day.AddDate(0, 0, -1)
	return h.Commit("main", githubtest.Commit{Message: message, Date: h.day})
}

// green makes a commit pass.
func (h *hub) green(sha string) string {
	h.SetCheck(sha, "test", "completed", "success")
	return sha
}

// subjects are those of all changes back to a revision.
func (h *hub) subjects(t testing.TB, to string) string {
	t.Helper()
	changes, err := h.branch.Changes(t.Context(), to)
	require.NoError(t, err)
	var all []string
	for _, c := range changes {
		all = append(all, c.Subject)
	}
	return strings.Join(all, " ")
}

// verdict is what is said of one change when it is asked for alone.
func (h *hub) verdict(t testing.TB, revision string) pipeline.Verdict {
	t.Helper()
	verdicts, err := h.branch.Verdicts(t.Context(), []string{revision})
	require.NoError(t, err)
	return verdicts[revision]
}
