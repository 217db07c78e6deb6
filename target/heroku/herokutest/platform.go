package herokutest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// MaxSlug is the size in bytes beyond which a slug is not released.
const MaxSlug = 500 << 20

// Hourly is how many requests an account has in an hour.
const Hourly = 4500

// Platform is Heroku, an http.Handler. Make one with New. All methods may be called by many
// goroutines at once.
type Platform struct {
	mu       sync.Mutex
	apps     map[string]*App
	token    string
	left     int
	max      int64
	broken   func(*http.Request) Fault
	requests []string
	streams  map[string]string // outputs, by the last part of their addresses
	routes   *http.ServeMux
}

// New returns a platform without apps.
func New() *Platform {
	p := &Platform{apps: map[string]*App{}, token: rand.Text(), left: Hourly, max: MaxSlug, streams: map[string]string{}}
	p.route()
	return p
}

func (p *Platform) route() {
	p.routes = http.NewServeMux()
	p.api("GET /apps/{app}", (*App).info)
	p.api("POST /apps/{app}/slugs", (*App).newSlug)
	p.api("GET /apps/{app}/slugs/{slug}", (*App).slugInfo)
	p.api("GET /apps/{app}/releases", (*App).listReleases)
	p.api("GET /apps/{app}/releases/{version}", (*App).releaseInfo)
	p.api("POST /apps/{app}/releases", (*App).newRelease)
	p.api("GET /apps/{app}/formation", (*App).listFormation)
	p.api("GET /apps/{app}/dynos", (*App).listDynos)
	p.api("GET /apps/{app}/config-vars", (*App).configVars)
	p.routes.HandleFunc("PUT /blobs/{app}/{slug}", p.upload)
	p.routes.HandleFunc("GET /streams/{stream}", p.stream)
	p.routes.HandleFunc("/web/{app}/{path...}", p.web)
	p.routes.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found", "The requested API endpoint was not found. Are you using the right HTTP verb and API version?")
	})
}

// Token returns the token that is accepted. It suits heroku.Config.
func (p *Platform) Token(context.Context) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.token, nil
}

// Expire makes the token invalid; Token returns another one from then on.
func (p *Platform) Expire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.token = rand.Text()
}

// Limit sets how many requests are left in this hour. None come back by themselves.
func (p *Platform) Limit(left int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left = left
}

// LimitSlugs sets the largest size of a slug in bytes in the place of MaxSlug.
func (p *Platform) LimitSlugs(most int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.max = most
}

// Requests returns what was asked, in order: "POST /apps/shop/releases".
func (p *Platform) Requests() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.requests)
}

// ServeHTTP implements http.Handler.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.requests = append(p.requests, r.Method+" "+r.URL.Path)
	broken := p.broken
	p.mu.Unlock()
	if broken == nil {
		p.routes.ServeHTTP(w, r)
		return
	}
	broken(r).serve(w, r, p.routes)
}

// answer is what an endpoint says: a status and a value.
type answer func(*App, http.ResponseWriter, *http.Request)

// api adds an endpoint below an app. It is called with the platform's lock.
func (p *Platform) api(pattern string, f answer) {
	p.routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.admit(w, r) {
			return
		}
		a := p.apps[r.PathValue("app")]
		switch {
		case a == nil:
			refuse(w, http.StatusNotFound, "not_found", "Couldn't find that app.")
		case a.suspended:
			refuse(w, http.StatusForbidden, "suspended", "This app has been suspended.")
		default:
			f(a, w, r)
		}
	})
}

// admit judges the headers that every request has, and counts it.
func (p *Platform) admit(w http.ResponseWriter, r *http.Request) bool {
	if p.left > 0 {
		p.left--
	} else {
		w.Header().Set("RateLimit-Remaining", "0")
		refuse(w, http.StatusTooManyRequests, "rate_limit", "Your account reached the API rate limit. Please wait a few minutes before making new requests.")
		return false
	}
	w.Header().Set("RateLimit-Remaining", fmt.Sprint(p.left))
	switch {
	case r.Header.Get("Authorization") != "Bearer "+p.token:
		refuse(w, http.StatusUnauthorized, "unauthorized", "Invalid credentials provided.")
	case !strings.Contains(r.Header.Get("Accept"), "version=3"):
		refuse(w, http.StatusNotAcceptable, "not_acceptable", "Set an Accept header with the version of the API.")
	default:
		return true
	}
	return false
}

// refuse answers with an error as Heroku writes it.
func refuse(w http.ResponseWriter, status int, id, message string) {
	say(w, status, map[string]string{"id": id, "message": message})
}

func say(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // who does not listen has gone
}
