package github

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
)

// FuzzNextLink wants one of the URLs that are in the header, or none.
func FuzzNextLink(f *testing.F) {
	f.Add(`<https://api.github.com/x?page=2>; rel="next", <https://api.github.com/x?page=9>; rel="last"`)
	f.Add(`<https://api.github.com/x?page=1>; rel="prev first"; title="a, b", <x>; REL=next`)
	f.Add(`<`)
	f.Add(`<>;rel="next"`)
	f.Add(`<a>;rel=prev,,,<b>;;rel = "x NEXT y"`)
	f.Fuzz(func(t *testing.T, header string) {
		url := nextLink([]string{header})
		require.NotContains(t, url, ">")
		require.Contains(t, header, url)
		if !strings.Contains(strings.ToLower(header), "next") {
			require.Empty(t, url)
		}
	})
}

func TestNextLink(t *testing.T) {
	for header, want := range map[string]string{
		`<a>; rel="prev", <b>; rel="next", <c>; rel="last"`: "b",
		`<a>; rel="last"`:          "",
		`<a>; title="x"; rel=next`: "a",
		`<a>; rel="first next"`:    "a",
		`<a>; rel="nextish"`:       "",
		`<b`:                       "",
		``:                         "",
	} {
		require.Equal(t, want, nextLink([]string{header}), header)
	}
	require.Equal(t, "b", nextLink([]string{`<a>; rel="last"`, `<b>; rel="next"`}))
}

// FuzzStatuses answers with whatever, as statuses and as check runs: it never passes
// without a word that says so.
func FuzzStatuses(f *testing.F) {
	sha := strings.Repeat("a", 40)
	f.Add(`{"sha":"`+sha+`","total_count":1,"statuses":[{"context":"ci","state":"success"}]}`, `{"total_count":0,"check_runs":[]}`)
	f.Add(`{"sha":"`+sha+`","statuses":null}`, `{"total_count":1,"check_runs":[{"name":"t","head_sha":"`+sha+`","status":"completed","conclusion":"success"}]}`)
	f.Add(`{}`, `null`)
	f.Add(`{"sha":"`+sha+`","total_count":-1,"statuses":[{}]}`, `{"total_count":1e9}`)
	f.Fuzz(func(t *testing.T, statuses, runs string) {
		answer := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := statuses
			if strings.Contains(r.URL.Path, "check-runs") {
				body = runs
			}
			_, _ = w.Write([]byte(body))
		})
		b, err := New(Config{Repository: "acme/web", Branch: "main", BaseURL: "https://api.github.test", Client: inMemory(answer)})
		require.NoError(t, err)
		verdicts, err := b.Verdicts(context.Background(), []string{sha})
		if err == nil && verdicts[sha] == pipeline.Passed {
			require.Contains(t, unescaped(statuses+runs), "success")
		}
	})
}

// unescaped adds what an escape in JSON, or another conclusion that passes, may hide.
func unescaped(text string) string {
	if strings.Contains(text, `\u`) || strings.Contains(text, "neutral") || strings.Contains(text, "skipped") {
		return text + "success"
	}
	return text
}

// inMemory answers without a network.
func inMemory(h http.Handler) *http.Client {
	return &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Result(), nil
	})}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestWhatIsRememberedIsBounded(t *testing.T) {
	m := newMemory()
	for i := range 3 * maxRemembered {
		m.put(strings.Repeat("u", i), remembered{etag: "e", body: make([]byte, 100)})
	}
	require.Len(t, m.byURL, maxRemembered)
	require.Equal(t, 100*maxRemembered, m.bytes)
	_, ok := m.get("u")
	require.False(t, ok, "the oldest went")
	for range 2 * maxRememberedBytes / maxRememberedBody {
		m.put("large", remembered{etag: "e", body: make([]byte, maxRememberedBody)})
	}
	require.LessOrEqual(t, m.bytes, maxRememberedBytes)
	m.put("larger", remembered{etag: "e", body: make([]byte, maxRememberedBody+1)})
	_, ok = m.get("larger")
	require.False(t, ok)
	m.put("large", remembered{body: []byte("no etag")})
	_, ok = m.get("large")
	require.False(t, ok, "an answer that took its place is gone too")
}

func TestAnAnswerThatLeadsInACircleEnds(t *testing.T) {
	one := func(sha string, parents ...string) commit {
		c := commit{SHA: sha}
		for _, p := range parents {
			c.Parents = append(c.Parents, struct {
				SHA string `json:"sha"`
			}{p})
		}
		return c
	}
	all := byID([]commit{one("a", "b"), one("b", "c", "a"), one("c", "a")})
	require.Len(t, firstParents("a", all), 3)
	require.Len(t, descendants("a", all), 3)
}

// FuzzParse reads whatever as an event: it names a branch, a revision and a repository
// only where the body does.
func FuzzParse(f *testing.F) {
	f.Add("push", `{"ref":"refs/heads/main","repository":{"full_name":"acme/web"}}`)
	f.Add("status", `{"sha":"a","state":"success","branches":[{"name":"main"}],"repository":{"full_name":"acme/web"}}`)
	f.Add("check_run", `{"check_run":{"head_sha":"a","status":"completed","check_suite":{"head_branch":null}},"repository":{"full_name":"acme/web"}}`)
	f.Add("check_suite", `{"check_suite":{"head_sha":"a","head_branch":"main"},"repository":{"full_name":"acme/web"}}`)
	f.Add("ping", `{}`)
	f.Add("push", `{"ref":"refs/heads/main","repository":null}`)
	b, err := New(Config{Repository: "acme/web", Branch: "main"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, kind, body string) {
		n, err := parse(kind, []byte(body))
		if err != nil {
			require.Zero(t, n)
			return
		}
		require.True(t, n.repository != "" || kind == "ping")
		if n.concerns(b) {
			require.Contains(t, []string{"push", "status", "check_run", "check_suite"}, kind)
		}
	})
}
