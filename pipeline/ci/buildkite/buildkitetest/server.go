// Package buildkitetest is Buildkite for tests: a server that keeps builds and answers
// for them with the shapes of the REST API, and signs webhooks as Buildkite does.
//
//	kite := buildkitetest.New()
//	kite.Build(commit, "main", "passed")
//	checks, err := buildkite.New(buildkite.Config{
//		Organization: "acme", Pipeline: "web", Token: token, BaseURL: buildkitetest.URL, Client: kite.Client(),
//	})
//
// A Server is an http.Handler; Client speaks to it in memory, without a network.
package buildkitetest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Token is the token that a new Server takes, and URL the base URL that its Client asks.
const (
	Token = "bkua_test0123456789"
	URL   = "https://api.buildkite.test"
)

// Server is a Buildkite API with one pipeline, acme/web. Make one with New. Its methods
// may be called concurrently.
type Server struct {
	mux *http.ServeMux

	mu     sync.Mutex
	token  string
	builds []Build // oldest first
	calls  int
	faults []Fault
}

// Build is a build.
type Build struct {
	Number  int    `json:"number"`
	Commit  string `json:"commit"`
	Branch  string `json:"branch"`
	State   string `json:"state"`
	Blocked bool   `json:"blocked"`
}

// Fault is an answer in place of the true one.
type Fault struct {
	Status int
	Header http.Header
	// Body is answered; empty: a message of the status.
	Body string
}

// New returns a server without builds.
func New() *Server {
	s := &Server{mux: http.NewServeMux(), token: Token}
	s.mux.HandleFunc("GET /v2/organizations/acme/pipelines/web/builds", s.list)
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusNotFound, "No organization found") })
	return s
}

// SetToken changes the token that is taken.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// Build starts a build of a commit, in some state, and returns its number.
func (s *Server) Build(commit, branch, state string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.builds = append(s.builds, Build{
		Number: len(s.builds) + 1, Commit: commit, Branch: branch, State: state, Blocked: state == "blocked",
	})
	return len(s.builds)
}

// Set changes the state of a build: "scheduled", "running", "passed", "failing",
// "failed", "blocked", "canceling", "canceled", "skipped", "not_run".
func (s *Server) Set(number int, state string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := &s.builds[number-1]
	b.State, b.Blocked = state, state == "blocked"
}

// Fail makes the next requests go wrong, one fault each.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Calls is how many requests there were.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Client returns a client whose requests are answered in memory.
func (s *Server) Client() *http.Client { return &http.Client{Transport: transport{s}} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	t.handler.ServeHTTP(w, r)
	answer := w.Result()
	answer.Request = r
	return answer, nil
}

// ServeHTTP answers as the REST API does.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	switch {
	case len(s.faults) > 0:
		f := s.faults[0]
		s.faults = s.faults[1:]
		for name, values := range f.Header {
			w.Header()[name] = values
		}
		if f.Body == "" {
			say(w, f.Status, http.StatusText(f.Status))
			return
		}
		w.WriteHeader(f.Status)
		_, _ = w.Write([]byte(f.Body))
	case r.Header.Get("Authorization") != "Bearer "+s.token:
		say(w, http.StatusUnauthorized, "Authentication required. Please supply a valid API Access Token")
	default:
		s.mux.ServeHTTP(w, r)
	}
}

// list answers with builds, newest first. The server is locked.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	found := []Build{}
	for _, b := range slices.Backward(s.builds) {
		if (len(q["commit[]"]) == 0 || slices.Contains(q["commit[]"], b.Commit)) && (q.Get("branch") == "" || q.Get("branch") == b.Branch) {
			found = append(found, b)
		}
	}
	size, page := number(q.Get("per_page"), 30), number(q.Get("page"), 1)
	from := min(len(found), (page-1)*size)
	body, _ := json.Marshal(found[from:min(len(found), from+size)])
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(body)
}

func number(text string, otherwise int) int {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return otherwise
	}
	return min(n, 100)
}

func say(w http.ResponseWriter, status int, message string) {
	body, _ := json.Marshal(map[string]string{"message": message})
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Webhook returns the request with which an event of a build comes, signed now.
func (s *Server) Webhook(url, secret, event string, number int) *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, _ := json.Marshal(map[string]any{"event": event, "build": s.builds[number-1]})
	r, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Buildkite-Event", event)
	r.Header.Set("X-Buildkite-Signature", Sign(secret, body, time.Now()))
	return r
}

// Sign returns the value of X-Buildkite-Signature for a body.
func Sign(secret string, body []byte, at time.Time) string {
	stamp := fmt.Sprint(at.Unix())
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(stamp + "." + string(body)))
	return "timestamp=" + stamp + ",signature=" + hex.EncodeToString(mac.Sum(nil))
}
