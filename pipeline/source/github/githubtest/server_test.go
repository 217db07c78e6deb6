package githubtest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

// ask asks the server in memory and returns status, headers and the decoded body.
func ask(t *testing.T, s *githubtest.Server, method, path string, body string, headers ...string) (*http.Response, map[string]any, []any) {
	t.Helper()
	r, err := http.NewRequest(method, githubtest.URL+path, strings.NewReader(body))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+githubtest.Token)
	r.Header.Set("User-Agent", "test")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := s.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	answer, err := client.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	var object map[string]any
	var list []any
	if json.Unmarshal(data, &object) != nil {
		_ = json.Unmarshal(data, &list)
	}
	return answer, object, list
}

func TestShapesOfTheAPI(t *testing.T) {
	t.Parallel()
	s := githubtest.New()
	web := s.Repository("acme/web")
	empty, _, _ := ask(t, s, "GET", "/repos/acme/web/git/ref/heads/main", "")
	require.Equal(t, http.StatusConflict, empty.StatusCode, "an empty repository")
	a := web.Commit("main", githubtest.Commit{Message: "a"})
	b := web.Commit("main", githubtest.Commit{Message: "b"})

	got, ref, _ := ask(t, s, "GET", "/repos/acme/web/git/ref/heads/main", "")
	require.Equal(t, http.StatusOK, got.StatusCode)
	require.Equal(t, b, ref["object"].(map[string]any)["sha"])
	require.Equal(t, "5000", got.Header.Get("X-RateLimit-Limit"))
	require.Equal(t, "4998", got.Header.Get("X-RateLimit-Remaining"))

	again, _, _ := ask(t, s, "GET", "/repos/acme/web/git/ref/heads/main", "", "If-None-Match", got.Header.Get("ETag"))
	require.Equal(t, http.StatusNotModified, again.StatusCode)
	require.Equal(t, "4998", again.Header.Get("X-RateLimit-Remaining"), "a 304 costs nothing")

	_, compared, _ := ask(t, s, "GET", "/repos/acme/web/compare/"+a+"..."+b, "")
	require.Equal(t, "ahead", compared["status"])
	require.EqualValues(t, 1, compared["total_commits"])
	_, compared, _ = ask(t, s, "GET", "/repos/acme/web/compare/"+b+"..."+a, "")
	require.Equal(t, "behind", compared["status"])
	_, compared, _ = ask(t, s, "GET", "/repos/acme/web/compare/"+b+"..."+b, "")
	require.Equal(t, "identical", compared["status"])
	orphan := web.Commit("orphan", githubtest.Commit{})
	got, compared, _ = ask(t, s, "GET", "/repos/acme/web/compare/"+a+"..."+orphan, "")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	require.Contains(t, compared["message"], "No common ancestor")

	web.SetStatus(b, "ci", "failure")
	web.SetStatus(b, "ci", "success")
	_, combined, _ := ask(t, s, "GET", "/repos/acme/web/commits/main/status", "")
	require.Equal(t, "success", combined["state"])
	require.EqualValues(t, 1, combined["total_count"])
	web.SetCheck(b, "test", "in_progress", "")
	_, runs, _ := ask(t, s, "GET", "/repos/acme/web/commits/"+b+"/check-runs", "")
	run := runs["check_runs"].([]any)[0].(map[string]any)
	require.Equal(t, "in_progress", run["status"])
	require.Nil(t, run["conclusion"])

	for path, status := range map[string]int{
		"/repos/acme/other": 404, "/repos/acme/web/git/ref/heads/x": 404, "/x": 404, "/rate_limit": 200,
		"/repos/acme/web/commits/" + strings.Repeat("0", 40) + "/status": 422, "/repos/acme/web/git/commits/" + a: 200,
		"/repos/acme/web": 200, "/repos/acme/web/branches/main": 200, "/repos/acme/web/branches/x": 404,
	} {
		got, _, _ := ask(t, s, "GET", path, "")
		require.Equal(t, status, got.StatusCode, path)
	}
}

func TestListsComeInPagesWithLinks(t *testing.T) {
	t.Parallel()
	s := githubtest.New()
	web := s.Repository("acme/web")
	for range 25 {
		web.Commit("main", githubtest.Commit{})
	}
	total, links := 0, ""
	for path := "/repos/acme/web/commits?sha=main&per_page=10"; path != ""; {
		got, _, list := ask(t, s, "GET", path, "")
		total += len(list)
		links = got.Header.Get("Link")
		path = ""
		for link := range strings.SplitSeq(links, ", ") {
			if strings.HasSuffix(link, `rel="next"`) {
				path = strings.TrimPrefix(link[1:strings.Index(link, ">")], githubtest.URL)
			}
		}
	}
	require.Equal(t, 25, total)
	require.Contains(t, links, `rel="prev"`)
	require.Contains(t, links, `rel="first"`)
}

func TestWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := githubtest.New()
		s.Repository("acme/web").Commit("main", githubtest.Commit{})
		got, said, _ := ask(t, s, "GET", "/repos/acme/web", "", "Authorization", "Bearer x")
		require.Equal(t, http.StatusUnauthorized, got.StatusCode)
		require.Equal(t, "Bad credentials", said["message"])

		s.SetBudget(60, 1)
		got, _, _ = ask(t, s, "GET", "/repos/acme/web", "")
		require.Equal(t, http.StatusOK, got.StatusCode)
		got, said, _ = ask(t, s, "GET", "/repos/acme/web", "")
		require.Equal(t, http.StatusForbidden, got.StatusCode)
		require.Contains(t, said["message"], "rate limit exceeded")
		require.Equal(t, "0", got.Header.Get("X-RateLimit-Remaining"))
		time.Sleep(time.Hour)
		got, _, _ = ask(t, s, "GET", "/repos/acme/web", "")
		require.Equal(t, http.StatusOK, got.StatusCode)
		require.Equal(t, 59, s.Left())

		s.Fail(githubtest.SecondaryLimit(http.StatusTooManyRequests, time.Minute), githubtest.Unavailable(2), githubtest.Fault{Path: "/never"})
		var statuses []int
		for range 4 {
			got, _, _ = ask(t, s, "GET", "/repos/acme/web", "")
			statuses = append(statuses, got.StatusCode)
		}
		require.Equal(t, []int{429, 502, 502, 200}, statuses)
		require.Len(t, s.Calls(), 8)
	})
}

func TestAConnectionThatIsCut(t *testing.T) {
	t.Parallel()
	s := githubtest.New()
	s.SetToken("")
	s.Repository("acme/web").Commit("main", githubtest.Commit{})
	listening := httptest.NewServer(s)
	t.Cleanup(listening.Close)
	for name, base := range map[string]string{"in memory": githubtest.URL, "over the network": listening.URL} {
		client := s.Client()
		if name != "in memory" {
			client = listening.Client()
		}
		s.Fail(githubtest.Fault{Half: true}, githubtest.Fault{Cut: true, Times: 10})
		r, err := client.Get(base + "/repos/acme/web")
		require.NoError(t, err, name)
		_, err = io.ReadAll(r.Body)
		require.ErrorIs(t, err, io.ErrUnexpectedEOF, name)
		_, err = client.Get(base + "/repos/acme/web")
		require.Error(t, err, name)
		s.Heal()
	}
}

func TestNamesThatChange(t *testing.T) {
	t.Parallel()
	s := githubtest.New()
	web := s.Repository("acme/web")
	web.Commit("main", githubtest.Commit{})
	web.RenameBranch("main", "trunk")
	got, _, _ := ask(t, s, "GET", "/repos/acme/web/git/ref/heads/main", "")
	require.Equal(t, http.StatusNotFound, got.StatusCode)
	got, _, _ = ask(t, s, "GET", "/repos/acme/web/branches/main", "")
	require.Equal(t, http.StatusMovedPermanently, got.StatusCode)
	require.Contains(t, got.Header.Get("Location"), "/branches/trunk")
	web.Rename("acme/shop")
	got, _, _ = ask(t, s, "GET", "/repos/acme/web/git/ref/heads/trunk", "")
	require.Equal(t, "/repos/acme/shop/git/ref/heads/trunk", got.Header.Get("Location"))
	got, _, _ = ask(t, s, "POST", "/repos/acme/web/deployments", "{}")
	require.Equal(t, http.StatusTemporaryRedirect, got.StatusCode)
}

func TestDeployments(t *testing.T) {
	t.Parallel()
	s := githubtest.New()
	web := s.Repository("acme/web")
	a := web.Commit("main", githubtest.Commit{})
	var ids []string
	for range 2 {
		got, made, _ := ask(t, s, "POST", "/repos/acme/web/deployments", `{"ref":"main","environment":"production","required_contexts":[]}`)
		require.Equal(t, http.StatusCreated, got.StatusCode)
		id, err := json.Marshal(made["id"])
		require.NoError(t, err)
		ids = append(ids, string(id))
		got, _, _ = ask(t, s, "POST", "/repos/acme/web/deployments/"+ids[len(ids)-1]+"/statuses", `{"state":"success"}`)
		require.Equal(t, http.StatusCreated, got.StatusCode)
	}
	for body, status := range map[string]int{
		`{"ref":"main"}`: 409, `{"ref":"x","required_contexts":[]}`: 422, `{`: 400,
	} {
		got, _, _ := ask(t, s, "POST", "/repos/acme/web/deployments", body)
		require.Equal(t, status, got.StatusCode, body)
	}
	got, _, _ := ask(t, s, "POST", "/repos/acme/web/deployments/"+ids[0]+"/statuses", `{"state":"fine"}`)
	require.Equal(t, http.StatusUnprocessableEntity, got.StatusCode)
	_, _, statuses := ask(t, s, "GET", "/repos/acme/web/deployments/"+ids[0]+"/statuses", "")
	require.Equal(t, "inactive", statuses[0].(map[string]any)["state"], "the next one took its place")
	_, _, list := ask(t, s, "GET", "/repos/acme/web/deployments?environment=production&sha="+a, "")
	require.Len(t, list, 2)
	_, _, list = ask(t, s, "GET", "/repos/acme/web/deployments?environment=staging", "")
	require.Empty(t, list)
	require.Len(t, web.Deployments(), 2)
	require.Equal(t, "success", web.Deployments()[1].Statuses[0].State)
}

func TestWebhooksAreSignedAndTellWhatHappened(t *testing.T) {
	t.Parallel()
	s := githubtest.New()
	web := s.Repository("acme/web")
	var events []string
	web.Hook(githubtest.HandlerHook(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, githubtest.Sign("secret", body), r.Header.Get("X-Hub-Signature-256"))
		require.Contains(t, string(body), `"full_name":"acme/web"`)
		events = append(events, r.Header.Get("X-GitHub-Event"))
	}), "secret"))
	a := web.Commit("main", githubtest.Commit{})
	web.SetStatus(a, "ci", "success")
	web.SetCheck(a, "test", "completed", "success")
	web.Push("main", a)
	web.DeleteBranch("main")
	require.Equal(t, []string{"push", "status", "check_run", "push", "push"}, events)
	web.Unhook()
	web.Commit("main", githubtest.Commit{})
	require.Len(t, events, 5, "a webhook that is lost")
	deliveries := web.Deliveries()
	require.Len(t, deliveries, 6)
	require.Contains(t, string(deliveries[4].Body), `"deleted":true`)
	// The example of GitHub's own documentation.
	require.Equal(t, "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
		githubtest.Sign("It's a Secret to Everybody", []byte("Hello, World!")))
}
