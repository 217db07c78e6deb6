package github_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

func TestAllThatIsReportedHasToPassAndAtLeastOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		say  func(h *hub, sha string)
		want pipeline.Verdict
	}{
		{"nothing", func(*hub, string) {}, pipeline.Pending},
		{"a status", func(h *hub, sha string) { h.SetStatus(sha, "ci", "success") }, pipeline.Passed},
		{"a pending status", func(h *hub, sha string) { h.SetStatus(sha, "ci", "pending") }, pipeline.Pending},
		{"an error", func(h *hub, sha string) { h.SetStatus(sha, "ci", "error") }, pipeline.Failed},
		{"a run", func(h *hub, sha string) { h.SetCheck(sha, "test", "completed", "success") }, pipeline.Passed},
		{"a queued run", func(h *hub, sha string) { h.SetCheck(sha, "test", "queued", "") }, pipeline.Pending},
		{"a skipped run", func(h *hub, sha string) { h.SetCheck(sha, "test", "completed", "skipped") }, pipeline.Passed},
		{"a cancelled run", func(h *hub, sha string) { h.SetCheck(sha, "test", "completed", "cancelled") }, pipeline.Failed},
		{"a run that waits for a person", func(h *hub, sha string) { h.SetCheck(sha, "test", "completed", "action_required") }, pipeline.Pending},
		{"a conclusion of the future", func(h *hub, sha string) { h.SetCheck(sha, "test", "completed", "fine") }, pipeline.Pending},
		{"a failed one and an open one", func(h *hub, sha string) {
			h.SetCheck(sha, "test", "in_progress", "")
			h.SetStatus(sha, "ci", "failure")
		}, pipeline.Failed},
		{"the last word counts", func(h *hub, sha string) {
			h.SetCheck(sha, "test", "completed", "failure")
			h.SetCheck(sha, "test", "completed", "success")
		}, pipeline.Passed},
		{"the last of 250 runs failed", func(h *hub, sha string) {
			for i := range 250 {
				h.SetCheck(sha, fmt.Sprintf("test %d", i), "completed", "success")
			}
			h.SetCheck(sha, "test 249", "completed", "failure")
		}, pipeline.Failed},
		{"the last of 250 statuses is open", func(h *hub, sha string) {
			for i := range 250 {
				h.SetStatus(sha, fmt.Sprintf("test %d", i), "success")
			}
			h.SetStatus(sha, "test 249", "pending")
		}, pipeline.Pending},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			sha := h.commit("a")
			c.say(h, sha)
			require.Equal(t, c.want, h.verdict(t, sha))
		})
	}
}

func TestOnlyWhatIsRequiredCounts(t *testing.T) {
	t.Parallel()
	h := newHub(t, func(c *github.Config) { c.Required = []string{"test", "lint"} })
	sha := h.commit("a")
	h.SetCheck(sha, "coverage", "completed", "failure")
	h.SetCheck(sha, "test", "completed", "success")
	require.Equal(t, pipeline.Pending, h.verdict(t, sha), "lint has not reported")
	h.SetStatus(sha, "lint", "success")
	require.Equal(t, pipeline.Passed, h.verdict(t, sha))
	other := h.commit("b")
	h.SetCheck(other, "lint", "completed", "failure")
	require.Equal(t, pipeline.Failed, h.verdict(t, other), "before test has reported")
}

func TestWhatGitHubHasNotHeardOfIsPending(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.commit("a")
	require.Equal(t, pipeline.Pending, h.verdict(t, strings.Repeat("0", 40)))
	h.server.Forget()
	require.Equal(t, pipeline.Pending, h.verdict(t, "main"))
	require.Empty(t, h.server.Calls(), "what is no commit's id is not asked for")
}

func TestAnAnswerThatIsNotWholeTeachesNothing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"fewer than it says":     `{"sha":"SHA","total_count":3,"statuses":[{"context":"ci","state":"success"}],"check_runs":[]}`,
		"about another commit":   `{"sha":"` + strings.Repeat("1", 40) + `","total_count":0,"statuses":[]}`,
		"no JSON":                `<html>Unicorn!</html>`,
		"the half of it":         `{"sha":"SHA","total_count":1,"sta`,
		"an empty object":        `{}`,
		"a list":                 `[]`,
		"nothing":                ``,
		"null":                   `null`,
		"a run of other commits": `{"sha":"SHA","total_count":1,"statuses":[],"check_runs":[{"name":"test","head_sha":"x","status":"completed","conclusion":"success"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHub(t)
			sha := h.green(h.commit("a"))
			if body == "" {
				body = " "
			}
			h.server.Fail(githubtest.Fault{Path: "/commits/", Times: 2, Body: strings.ReplaceAll(body, "SHA", sha)})
			verdicts, err := h.branch.Verdicts(t.Context(), []string{sha})
			require.Error(t, err)
			require.Empty(t, verdicts)
			h.server.Heal()
			require.Equal(t, pipeline.Passed, h.verdict(t, sha), "and it is asked for again")
		})
	}
}

func TestCallsAtRestAndWhileAVerdictIsOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		live := h.green(h.commit("a"))
		poll := func() int {
			time.Sleep(pipeline.DefaultPoll)
			h.server.Forget()
			changes, err := h.branch.Changes(t.Context(), live)
			require.NoError(t, err)
			var revisions []string
			for _, c := range changes {
				revisions = append(revisions, c.Revision)
			}
			_, err = h.branch.Verdicts(t.Context(), revisions)
			require.NoError(t, err)
			for _, c := range h.server.Calls() {
				assert.True(t, c.Conditional, "%+v", c)
			}
			return len(h.server.Calls())
		}
		settle := func() {
			_, err := h.branch.Changes(t.Context(), live)
			require.NoError(t, err)
			_, err = h.branch.Verdicts(t.Context(), []string{live, h.Head("main")})
			require.NoError(t, err)
		}
		settle()
		for range 19 { // less than Recheck
			require.Equal(t, 1, poll(), "at rest")
		}
		require.Equal(t, 3, poll(), "the recheck of what is live")
		total := 0
		for range 240 {
			total += poll()
		}
		t.Logf("at rest: %d calls in %d polls", total, 240)
		require.Equal(t, 240+2*12, total)

		open := h.commit("b")
		h.SetCheck(open, "test", "in_progress", "")
		settle()
		for range 10 {
			require.Equal(t, 3, poll(), "while a verdict is open")
		}
		h.green(open)
		require.Equal(t, 3, poll())
		require.Equal(t, 1, poll(), "it has passed")

		h.SetCheck(open, "test", "completed", "failure")
		h.branch.Verdicts(t.Context(), []string{open})
		require.Equal(t, 3, poll(), "the newest has failed, and may be run again")
	})
}

func TestLaw11_WhatIsDeployedIsAskedAboutBeforeEveryStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		live := h.commit("a")
		next := h.green(h.commit("b"))
		h.subjects(t, live)
		require.Equal(t, pipeline.Passed, h.verdict(t, next))
		h.SetCheck(next, "test", "completed", "failure")
		time.Sleep(time.Second)
		require.Equal(t, pipeline.Failed, h.verdict(t, next))
	})
}

func TestManyOpenVerdictsAreAskedForInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		var revisions []string
		for range 100 {
			revisions = append([]string{h.commit("x")}, revisions...)
		}
		oldest := h.green(revisions[99])
		verdicts := map[string]pipeline.Verdict{}
		for range 9 {
			h.server.Forget()
			var err error
			verdicts, err = h.branch.Verdicts(t.Context(), revisions)
			require.NoError(t, err)
			require.Len(t, h.server.Calls(), 40, "twenty changes at a time")
			time.Sleep(15 * time.Second)
		}
		require.Equal(t, pipeline.Passed, verdicts[oldest], "each has its turn")
		h.green(revisions[0])
		verdicts, err := h.branch.Verdicts(t.Context(), revisions)
		require.NoError(t, err)
		require.Equal(t, pipeline.Passed, verdicts[revisions[0]], "the newest are asked for each time")
	})
}

func TestABudgetThatRunsLowIsLeftToOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		live := h.green(h.commit("a"))
		h.subjects(t, live)
		h.verdict(t, live)
		h.server.SetBudget(5000, 100)
		require.Equal(t, pipeline.Passed, h.verdict(t, live))
		h.commit("b") // what GitHub tells of the budget comes with an answer
		h.subjects(t, live)
		time.Sleep(10 * time.Minute)
		h.server.Forget()
		require.Equal(t, pipeline.Passed, h.verdict(t, live))
		require.Empty(t, h.server.Calls(), "what is live is not rechecked")
		open := h.Head("main")
		require.Equal(t, pipeline.Pending, h.verdict(t, open))
		require.Len(t, h.server.Calls(), 2, "what is open is")
		require.Equal(t, http.StatusOK, h.server.Calls()[0].Status)
	})
}
