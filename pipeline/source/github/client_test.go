package github_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
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

func TestErrorsOfAMomentAreTriedThreeTimesAndNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, f := range map[string]githubtest.Fault{
			"5xx": githubtest.Unavailable(0), "half an answer": {Half: true}, "no answer": {Cut: true},
		} {
			h := newHub(t)
			a := h.commit("a")
			f.Times = 2
			h.server.Fail(f)
			require.Equal(t, "a", h.subjects(t, a), name)
			h.commit("b")
			f.Times = 100
			h.server.Forget()
			h.server.Fail(f)
			began := time.Now()
			_, err := h.branch.Changes(t.Context(), a)
			require.Error(t, err, name)
			require.NotErrorIs(t, err, pipeline.ErrNotOnBranch)
			require.Len(t, h.server.Calls(), 3, name)
			require.Less(t, time.Since(began), 5*time.Second)
		}
	})
}

func TestASlowAnswerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t, func(c *github.Config) { c.Timeout = 3 * time.Second })
		h.commit("a")
		h.server.Fail(githubtest.Fault{Delay: time.Hour, Times: 10})
		began := time.Now()
		_, err := h.branch.Changes(t.Context(), "")
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestASecondaryLimitIsAPauseInWhichNothingIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, status := range []int{http.StatusForbidden, http.StatusTooManyRequests} {
			h := newHub(t)
			h.commit("a")
			h.server.Fail(githubtest.SecondaryLimit(status, 30*time.Second))
			_, err := h.branch.Changes(t.Context(), "")
			var limit *github.LimitError
			require.ErrorAs(t, err, &limit)
			require.True(t, limit.Secondary)
			require.Equal(t, 30*time.Second, time.Until(limit.Until).Round(time.Second))
			time.Sleep(29 * time.Second)
			_, err = h.branch.Changes(t.Context(), "")
			require.ErrorAs(t, err, &limit)
			require.Len(t, h.server.Calls(), 1, "it is not tried against")
			time.Sleep(2 * time.Second)
			require.Equal(t, "a", h.subjects(t, ""))
		}
	})
}

func TestAPauseOfNoGivenLengthDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.commit("a")
		var limit *github.LimitError
		for _, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
			h.server.Fail(githubtest.SecondaryLimit(http.StatusForbidden, 0))
			_, err := h.branch.Changes(t.Context(), "")
			require.ErrorAs(t, err, &limit)
			require.Equal(t, want*time.Minute, time.Until(limit.Until))
			time.Sleep(want * time.Minute)
		}
		require.Equal(t, "a", h.subjects(t, ""))
		h.server.Fail(githubtest.Fault{Status: http.StatusTooManyRequests})
		_, err := h.branch.Changes(t.Context(), "")
		require.ErrorAs(t, err, &limit)
		require.Equal(t, time.Minute, time.Until(limit.Until), "it has begun anew")
	})
}

func TestARetryAfterOfYearsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		h.commit("a")
		h.server.Fail(githubtest.SecondaryLimit(http.StatusForbidden, 30*365*24*time.Hour))
		_, err := h.branch.Changes(t.Context(), "")
		var limit *github.LimitError
		require.ErrorAs(t, err, &limit)
		require.LessOrEqual(t, time.Until(limit.Until), 61*time.Minute)
	})
}

func TestABudgetThatIsUsedUpWaitsForTheNextHour(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(t)
		a := h.commit("a")
		h.server.SetBudget(60, 2)
		require.Equal(t, "a", h.subjects(t, a))
		h.server.Forget()
		_, err := h.branch.Changes(t.Context(), a)
		var limit *github.LimitError
		require.ErrorAs(t, err, &limit)
		require.False(t, limit.Secondary)
		require.ErrorContains(t, err, "60 requests an hour")
		require.Empty(t, h.server.Calls(), "GitHub said that nothing is left")
		time.Sleep(time.Hour + time.Second)
		require.Equal(t, "a", h.subjects(t, a))

		h.server.SetBudget(60, 0) // somebody else used it up
		h.commit("b")
		_, err = h.branch.Changes(t.Context(), a)
		require.ErrorAs(t, err, &limit)
		require.Len(t, h.server.Calls(), 2)
	})
}

func TestATokenThatExpiredSaysWhatToDo(t *testing.T) {
	t.Parallel()
	now := githubtest.Token
	h := newHub(t, func(c *github.Config) { c.Token = func(context.Context) (string, error) { return now, nil } })
	h.commit("a")
	require.Equal(t, "a", h.subjects(t, ""))
	h.server.SetToken("ghp_new")
	_, err := h.branch.Changes(t.Context(), "")
	require.ErrorContains(t, err, "401")
	require.ErrorContains(t, err, "make a new one")
	require.NotContains(t, err.Error(), githubtest.Token)
	now = "ghp_new"
	require.Equal(t, "a", h.subjects(t, ""), "the function is asked each time")
}

func TestATokenThatIsNotToBeHad(t *testing.T) {
	t.Parallel()
	broken := errors.New("the vault is closed")
	h := newHub(t, func(c *github.Config) { c.Token = func(context.Context) (string, error) { return "", broken } })
	_, err := h.branch.Changes(t.Context(), "")
	require.ErrorIs(t, err, broken)
	require.Empty(t, h.server.Calls())
}

func TestAPermissionThatIsMissingIsNamed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	sha := h.commit("a")
	h.server.Fail(githubtest.Fault{
		Path: "/check-runs", Status: http.StatusForbidden, Message: "Resource not accessible by personal access token",
		Header: http.Header{"X-Accepted-Github-Permissions": {"checks=read"}},
	})
	_, err := h.branch.Verdicts(t.Context(), []string{sha})
	require.ErrorContains(t, err, "give it checks=read")
}

// TestTheTokenGoesNowhereElse has a server that redirects, and names pages, elsewhere.
func TestTheTokenGoesNowhereElse(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("asked for %s with %q", r.URL, r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)
	h := newHub(t)
	sha := h.green(h.commit("a"))
	h.commit("b")
	for _, to := range []string{elsewhere.URL, "https://elsewhere.test/", "http://api.github.test/"} {
		h.server.Fail(githubtest.Fault{Path: "/git/ref", Status: http.StatusFound, Header: http.Header{"Location": {to}}})
		_, err := h.branch.Changes(t.Context(), sha)
		require.ErrorContains(t, err, "redirected to another host", to)
		require.NotContains(t, err.Error(), githubtest.Token)
	}

	stolen := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", `<`+elsewhere.URL+`>; rel="next"`)
		h.server.ServeHTTP(w, r)
	})
	other, err := github.New(github.Config{
		Repository: "acme/web", Branch: "main", Token: token, BaseURL: githubtest.URL,
		Client: &http.Client{Transport: githubtest.Transport(stolen)},
	})
	require.NoError(t, err)
	_, err = other.Verdicts(t.Context(), []string{sha})
	require.ErrorContains(t, err, "another host")
}

func TestAnAnswerWithoutEndIsRefused(t *testing.T) {
	t.Parallel()
	asked := 0
	endless := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		block := []byte(strings.Repeat(" ", 1<<20))
		for range 33 {
			_, _ = w.Write(block)
		}
	})
	b, err := github.New(github.Config{
		Repository: "acme/web", Branch: "main", BaseURL: githubtest.URL, Client: &http.Client{Transport: githubtest.Transport(endless)},
	})
	require.NoError(t, err)
	_, err = b.Changes(t.Context(), "")
	require.ErrorContains(t, err, "larger than 32 MiB")
	assert.Equal(t, 1, asked, "it would be no smaller the next time")
}

// TestAnAnswerThatWasCutOffOnItsWayIsNotRemembered has something between that cuts a body
// and passes the ETag on: GitHub would confirm the half with a 304 for ever.
func TestAnAnswerThatWasCutOffOnItsWayIsNotRemembered(t *testing.T) {
	t.Parallel()
	cut := false
	h := newHub(t, func(c *github.Config) {
		inner := c.Client.Transport
		c.Client = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			answer, err := inner.RoundTrip(r)
			if err == nil && cut && answer.StatusCode == http.StatusOK {
				body, _ := io.ReadAll(answer.Body)
				answer.Body, answer.ContentLength = io.NopCloser(bytes.NewReader(body[:len(body)/2])), -1
			}
			return answer, err
		})}
	})
	a := h.green(h.commit("a"))
	cut = true
	_, err := h.branch.Changes(t.Context(), a)
	require.Error(t, err)
	_, err = h.branch.Verdicts(t.Context(), []string{a})
	require.Error(t, err)
	cut = false
	require.Equal(t, "a", h.subjects(t, a))
	require.Equal(t, pipeline.Passed, h.verdict(t, a))
}
