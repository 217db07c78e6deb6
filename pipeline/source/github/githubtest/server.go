package githubtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Token is the token that a new Server takes.
const Token = "ghp_test0123456789abcdefghijklmnopqrst"

// Server is a GitHub API. Make one with New. Its methods may be called concurrently.
type Server struct {
	mux *http.ServeMux

	mu           sync.Mutex
	token        string
	repositories []*Repository
	calls        []Call
	faults       []Fault
	latency      time.Duration
	budget       int
	used         int
	reset        time.Time
	lastID       int64
}

// Call is a request that was made.
type Call struct {
	Method string
	// Path is the path and the query.
	Path string
	// Status is what was answered; zero where the connection was cut before.
	Status int
	// Conditional says that the request named an ETag.
	Conditional bool
}

// New returns a server without repositories. It takes the token Token only, 5,000 times
// an hour.
func New() *Server {
	s := &Server{mux: http.NewServeMux(), token: Token, budget: 5000}
	for pattern, answer := range map[string]handler{
		"GET /repos/{owner}/{name}":                            (*Server).repository,
		"GET /repos/{owner}/{name}/git/ref/heads/{branch...}":  (*Server).ref,
		"GET /repos/{owner}/{name}/git/commits/{sha}":          (*Server).gitCommit,
		"GET /repos/{owner}/{name}/branches/{branch...}":       (*Server).branch,
		"GET /repos/{owner}/{name}/commits":                    (*Server).commits,
		"GET /repos/{owner}/{name}/commits/{ref}/status":       (*Server).status,
		"GET /repos/{owner}/{name}/commits/{ref}/check-runs":   (*Server).checkRuns,
		"GET /repos/{owner}/{name}/compare/{range}":            (*Server).compare,
		"GET /repos/{owner}/{name}/deployments":                (*Server).deployments,
		"POST /repos/{owner}/{name}/deployments":               (*Server).createDeployment,
		"GET /repos/{owner}/{name}/deployments/{id}/statuses":  (*Server).deploymentStatuses,
		"POST /repos/{owner}/{name}/deployments/{id}/statuses": (*Server).createDeploymentStatus,
		"GET /rate_limit": (*Server).rateLimit,
		"/":               func(*Server, *http.Request) reply { return notFound() },
	} {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, answer) })
	}
	return s
}

// handler answers one kind of request. The server is locked.
type handler func(*Server, *http.Request) reply

// reply is an answer before it is written.
type reply struct {
	status   int
	what     any
	header   http.Header
	page     int // of a list; zero: it is none
	lastPage int
}

func ok(what any) reply { return reply{status: http.StatusOK, what: what} }

// refuse is an answer with a message, as GitHub words it.
func refuse(status int, format string, args ...any) reply {
	return reply{status: status, what: map[string]string{
		"message": fmt.Sprintf(format, args...), "documentation_url": "https://docs.github.com/rest", "status": fmt.Sprint(status),
	}}
}

func notFound() reply { return refuse(http.StatusNotFound, "Not Found") }

// SetToken changes the token that is taken: the old one has expired.
func (s *Server) SetToken(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.token = token
}

// SetLatency makes every answer take so long.
func (s *Server) SetLatency(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.latency = d
}

// Calls lists the requests so far, in the order in which they were answered.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Call(nil), s.calls...)
}

// Forget empties the list of calls, and returns it.
func (s *Server) Forget() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// ServeHTTP answers as the REST API does. An Enterprise server's prefix is understood.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if rest, cut := strings.CutPrefix(r.URL.Path, "/api/v3"); cut {
		r = r.Clone(r.Context())
		r.URL.Path = rest
		r.URL.RawPath = strings.TrimPrefix(r.URL.RawPath, "/api/v3")
	}
	s.mux.ServeHTTP(w, r)
}

// answer finds what to say and says it.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, h handler) {
	s.mu.Lock()
	fault, latency := s.fault(r), s.latency
	a := s.judge(r, fault, h)
	body, err := json.Marshal(a.what)
	if err != nil {
		panic(err) // all that is answered is of this package
	}
	if fault.Body != "" {
		body = []byte(fault.Body)
	}
	etag := fmt.Sprintf(`W/"%x"`, sha256.Sum256(body))
	known := r.Method == http.MethodGet && a.status == http.StatusOK && r.Header.Get("If-None-Match") == etag
	if known {
		a.status = http.StatusNotModified
	}
	s.spend(w.Header(), a.status)
	s.calls = append(s.calls, Call{
		Method: r.Method, Path: r.URL.RequestURI(), Status: a.status, Conditional: r.Header.Get("If-None-Match") != "",
	})
	s.mu.Unlock()
	pause(r.Context(), latency+fault.Delay)
	if fault.Cut {
		panic(http.ErrAbortHandler)
	}
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if r.Method == http.MethodGet && (a.status == http.StatusOK || known) {
		w.Header().Set("ETag", etag)
	}
	if a.page > 0 {
		setLinks(w.Header(), r, a.page, a.lastPage)
	}
	w.Header().Set("X-GitHub-Media-Type", "github.v3; format=json")
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Date", time.Now().UTC().Format(http.TimeFormat))
	write(w, a.status, body, fault.Half)
}

// write writes a body, or half of it before the connection is cut.
func write(w http.ResponseWriter, status int, body []byte, half bool) {
	if status == http.StatusNotModified {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Length", fmt.Sprint(len(body)))
	w.WriteHeader(status)
	if !half {
		_, _ = bytes.NewReader(body).WriteTo(w)
		return
	}
	_, _ = w.Write(body[:len(body)/2])
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
	panic(http.ErrAbortHandler)
}

// judge asks the handler, unless something is in its way.
func (s *Server) judge(r *http.Request, fault Fault, h handler) reply {
	switch {
	case fault.Status != 0:
		a := refuse(fault.Status, "%s", fault.message())
		a.header = fault.Header
		return a
	case s.token != "" && r.Header.Get("Authorization") != "Bearer "+s.token:
		return refuse(http.StatusUnauthorized, "Bad credentials")
	case r.Header.Get("User-Agent") == "":
		return refuse(http.StatusForbidden, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header")
	case s.exhausted():
		return refuse(http.StatusForbidden, "API rate limit exceeded for user ID 1.")
	}
	return h(s, r)
}

// id makes a new number.
func (s *Server) id() int64 {
	s.lastID++
	return s.lastID
}
