package github_test

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

const secret = "It's a Secret to Everybody"

// hooked adds webhooks to a hub and counts how often they wake.
func hooked(t testing.TB, h *hub) (*github.Webhooks, *atomic.Int64) {
	t.Helper()
	hooks, err := github.NewWebhooks(github.WebhookConfig{Secrets: []string{"the old one", secret}})
	require.NoError(t, err)
	var woken atomic.Int64
	hooks.Add(h.branch, func() { woken.Add(1) })
	return hooks, &woken
}

// deliver posts a request to a handler and returns the answer.
func deliver(hooks http.Handler, r *http.Request) (int, string) {
	w := httptest.NewRecorder()
	hooks.ServeHTTP(w, r)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// last is the last event of a repository, signed.
func (h *hub) last() *http.Request {
	all := h.Deliveries()
	return all[len(all)-1].Request("https://deployer.test/github", secret)
}

func TestEventsWakeThePipelinesThatTheyConcern(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	topic := func() string { return h.Commit("topic", githubtest.Commit{}) }
	for _, c := range []struct {
		name  string
		do    func()
		wakes int64
	}{
		{"a push", func() { h.commit("a") }, 1},
		{"a push to another branch", func() { topic() }, 0},
		{"a status of the head", func() { h.SetStatus(h.Head("main"), "ci", "success") }, 1},
		{"a status that has only begun", func() { h.SetStatus(h.Head("main"), "ci", "pending") }, 0},
		{"a check run of the head", func() { h.green(h.Head("main")) }, 1},
		{"a check run that has only begun", func() { h.SetCheck(h.Head("main"), "test", "in_progress", "") }, 0},
		{"a check run of another branch", func() { h.green(h.Head("topic")) }, 0},
		{"a force-push", func() { h.Push("main", h.Head("topic")) }, 1},
		{"the branch is deleted", func() { h.DeleteBranch("main") }, 1},
	} {
		woken.Store(0)
		c.do()
		code, text := deliver(hooks, h.last())
		require.Equal(t, http.StatusOK, code, c.name)
		require.Equal(t, fmt.Sprintf("woke %d of 1 pipelines", c.wakes), text, c.name)
		require.Equal(t, c.wakes, woken.Load(), c.name)
	}
}

func TestAVerdictOfWhichAWebhookSpokeIsAskedForAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	live := h.green(h.commit("a"))
	h.subjects(t, live)
	require.Equal(t, pipeline.Passed, h.verdict(t, live))
	h.commit("b") // it is not the head of any branch now
	h.SetCheck(live, "test", "completed", "failure")
	require.Equal(t, pipeline.Passed, h.verdict(t, live), "it would be rechecked in minutes")
	_, text := deliver(hooks, h.last())
	require.Equal(t, "woke 1 of 1 pipelines", text, "it was asked about before")
	require.EqualValues(t, 1, woken.Load())
	require.Equal(t, pipeline.Failed, h.verdict(t, live))
}

func TestAWebhookThatIsNotGitHubsChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	h.commit("a")
	request := func(change func(*http.Request)) *http.Request {
		r := h.last()
		change(r)
		return r
	}
	set := func(name, value string) *http.Request {
		return request(func(r *http.Request) { r.Header.Set(name, value) })
	}
	body := func(content string) *http.Request {
		r := githubtest.Delivery{Event: "push", Body: []byte(content)}.Request("/", secret)
		return r
	}
	for name, c := range map[string]struct {
		r    *http.Request
		code int
	}{
		"another secret":         {h.Deliveries()[0].Request("/", "guessed"), 401},
		"no signature":           {request(func(r *http.Request) { r.Header.Del("X-Hub-Signature-256") }), 401},
		"an empty signature":     {set("X-Hub-Signature-256", "sha256="), 401},
		"half a signature":       {set("X-Hub-Signature-256", h.last().Header.Get("X-Hub-Signature-256")[:40]), 401},
		"SHA-1":                  {request(func(r *http.Request) { r.Header.Del("X-Hub-Signature-256"); r.Header.Set("X-Hub-Signature", "sha1=00") }), 401},
		"another body":           {request(func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader("{}")) }), 401},
		"a GET":                  {request(func(r *http.Request) { r.Method = http.MethodGet }), 405},
		"a form":                 {set("Content-Type", "application/x-www-form-urlencoded"), 415},
		"no JSON":                {body("payload=x"), 400},
		"half of it":             {body(`{"ref":"refs/heads/main","repo`), 400},
		"without a repository":   {body(`{"ref":"refs/heads/main"}`), 400},
		"numbers for names":      {body(`{"ref":7,"repository":{"full_name":"acme/web"}}`), 400},
		"a list":                 {body(`[]`), 400},
		"null":                   {body(`null`), 400},
		"another repository":     {body(`{"ref":"refs/heads/main","repository":{"full_name":"acme/other"}}`), 200},
		"a tag of the same name": {body(`{"ref":"refs/tags/main","repository":{"full_name":"acme/web"}}`), 200},
		"an event of the future": {set("X-GitHub-Event", "quantum"), 200},
	} {
		code, text := deliver(hooks, c.r)
		assert.Equal(t, c.code, code, "%s: %s", name, text)
		assert.NotContains(t, text, secret)
	}
	assert.Zero(t, woken.Load())
	code, _ := deliver(hooks, githubtest.Delivery{Event: "ping", Body: []byte(`{"zen":"Keep it logically awesome."}`)}.Request("/", secret))
	assert.Equal(t, http.StatusOK, code)
}

func TestTheSecretCanBeChangedAndMustBeThere(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	h.commit("a")
	code, _ := deliver(hooks, h.Deliveries()[0].Request("/", "the old one"))
	require.Equal(t, http.StatusOK, code)
	require.EqualValues(t, 1, woken.Load())
	for _, secrets := range [][]string{nil, {}, {""}, {"x", ""}} {
		_, err := github.NewWebhooks(github.WebhookConfig{Secrets: secrets, MaxBody: -1})
		require.ErrorContains(t, err, "Secrets")
		require.ErrorContains(t, err, "MaxBody")
	}
}

func TestADeliveryThatComesAgainWakesNobody(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	h.commit("a")
	var wait sync.WaitGroup
	for range 100 {
		wait.Go(func() {
			r := h.Deliveries()[0].Request("/", secret)
			r.Header.Set("X-GitHub-Delivery", rand.Text()) // the id is not signed
			for code := 0; code != http.StatusOK; code, _ = deliver(hooks, r.Clone(t.Context())) {
				r.Body = io.NopCloser(bytes.NewReader(h.Deliveries()[0].Body))
			}
		})
	}
	wait.Wait()
	require.EqualValues(t, 1, woken.Load())
	for range 500 { // others
		h.Push("topic", h.Head("main"))
		deliver(hooks, h.last())
	}
	require.EqualValues(t, 1, woken.Load())
}

// TestAHundredMegabytesAreRefusedEarly sends them over a real connection.
func TestAHundredMegabytesAreRefusedEarly(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	server := httptest.NewServer(hooks)
	t.Cleanup(server.Close)
	const size = 100 << 20
	for _, chunked := range []bool{false, true} {
		sent := &counted{left: size}
		r, err := http.NewRequest(http.MethodPost, server.URL, sent)
		require.NoError(t, err)
		if !chunked {
			r.ContentLength = size
		}
		r.Header.Set("X-GitHub-Event", "push")
		r.Header.Set("X-Hub-Signature-256", "sha256="+strings.Repeat("00", 32))
		answer, err := http.DefaultClient.Do(r)
		if err == nil { // else the connection was closed in the client's face
			answer.Body.Close()
			require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
		}
		require.Less(t, sent.read.Load(), int64(size/2), "chunked: %v", chunked)
	}
	require.Zero(t, woken.Load())
}

func TestABodyThatSaysThatItIsTooLargeIsNotBegun(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, _ := hooked(t, h)
	body := &counted{left: 100 << 20}
	r := httptest.NewRequest(http.MethodPost, "/", body)
	r.ContentLength = 100 << 20
	code, _ := deliver(hooks, r)
	require.Equal(t, http.StatusRequestEntityTooLarge, code)
	require.Zero(t, body.read.Load())
}

func TestNewsThatComesWhileGitHubIsAskedIsNotLost(t *testing.T) {
	t.Parallel()
	var during func()
	h := newHub(t, func(c *github.Config) {
		inner := c.Client.Transport
		c.Client = &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			answer, err := inner.RoundTrip(r)
			if during != nil && strings.Contains(r.URL.Path, "/check-runs") {
				during() // after GitHub has answered, and before the answer is read
			}
			return answer, err
		})}
	})
	hooks, _ := hooked(t, h)
	live := h.green(h.commit("a"))
	h.subjects(t, live)
	h.verdict(t, live)
	h.SetCheck(live, "test", "in_progress", "")
	deliver(hooks, h.last())
	during = func() {
		during = nil
		h.SetCheck(live, "test", "completed", "success")
		h.SetCheck(live, "test", "completed", "failure")
		deliver(hooks, h.last())
	}
	h.SetCheck(live, "test", "completed", "success")
	require.Equal(t, pipeline.Passed, h.verdict(t, live))
	require.Equal(t, pipeline.Failed, h.verdict(t, live), "the answer was older than the news")
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// counted is a body of spaces.
type counted struct {
	left int64
	read atomic.Int64
}

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), c.left)
	for i := range p[:n] {
		p[i] = ' '
	}
	c.left -= n
	c.read.Add(n)
	return int(n), nil
}

// TestSendersThatSendNothingAreManyAndOthersAreToldToComeAgain fills all places with connections
// on which nothing comes.
func TestSendersThatSendNothingAreManyAndOthersAreToldToComeAgain(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, woken := hooked(t, h)
	h.commit("a")
	server := httptest.NewServer(hooks)
	t.Cleanup(server.Close)
	var idle []net.Conn
	for range 8 {
		c, err := net.Dial("tcp", server.Listener.Addr().String())
		require.NoError(t, err)
		idle = append(idle, c)
		_, err = fmt.Fprintf(c, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
		require.NoError(t, err)
	}
	send := func() int {
		answer, err := http.DefaultClient.Do(h.Deliveries()[0].Request(server.URL, secret))
		require.NoError(t, err)
		answer.Body.Close()
		return answer.StatusCode
	}
	require.Eventually(t, func() bool { return send() == http.StatusServiceUnavailable || woken.Load() > 0 }, 10*time.Second, time.Millisecond)
	for _, c := range idle {
		c.Close()
	}
	require.Eventually(t, func() bool { return send() == http.StatusOK }, 20*time.Second, time.Millisecond)
	require.EqualValues(t, 1, woken.Load())
}
