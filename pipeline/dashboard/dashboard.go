package dashboard

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"sync/atomic"
)

// Dashboard is the handler of the pages and the API. Make one with New. Its methods
// may be called concurrently.
type Dashboard struct {
	c       Config
	lanes   []*lane
	byKey   map[string]*lane
	news    signal // of any lane
	mux     *http.ServeMux
	origin  *http.CrossOriginProtection
	streams atomic.Int64
	base    context.Context
	close   context.CancelFunc
}

var _ http.Handler = (*Dashboard)(nil)

// New returns a dashboard. It checks all of c at once, and reads nothing until
// somebody looks.
func New(c Config) (*Dashboard, error) {
	origin := http.NewCrossOriginProtection()
	err := c.check()
	for _, o := range c.Origins {
		if bad := origin.AddTrustedOrigin(o); bad != nil && err == nil {
			err = fmt.Errorf("Origins: %w", bad)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dashboard: %w", err)
	}
	c = c.withDefaults()
	d := &Dashboard{c: c, byKey: map[string]*lane{}, origin: origin, mux: http.NewServeMux()}
	d.base, d.close = context.WithCancel(context.Background())
	turn := make(chan struct{}, 1)
	for _, p := range c.Pipelines {
		l := newLane(d.base, c, p, &d.news, turn)
		d.lanes = append(d.lanes, l)
		d.byKey[segment(l.name)] = l
	}
	d.route()
	return d, nil
}

// Close ends all event streams, and all that the dashboard does beside answering
// requests. An http.Server that shuts down waits for streams: register it there.
//
//	server.RegisterOnShutdown(board.Close)
func (d *Dashboard) Close() { d.close() }

// segment is a pipeline's name as it stands in paths: names have no dots.
func segment(name string) string { return strings.ReplaceAll(name, "/", ".") }

// route says what is where.
func (d *Dashboard) route() {
	d.mux.HandleFunc("GET /{$}", d.overview)
	d.mux.HandleFunc("GET /events", d.overviewEvents)
	d.mux.HandleFunc("GET /static/{file}", static)
	d.mux.HandleFunc("GET /p/{pipeline}", addSlash)
	page := func(pattern string, serve func(http.ResponseWriter, *http.Request, *lane)) {
		d.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if l := d.admit(w, r); l != nil {
				serve(w, r, l)
			}
		})
	}
	page("GET /p/{pipeline}/{$}", d.pipelinePage)
	page("GET /p/{pipeline}/events", d.pipelineEvents)
	page("GET /p/{pipeline}/deploys/{$}", d.historyPage)
	page("GET /p/{pipeline}/deploys/{deploy}", d.deployPage)
	page("GET /p/{pipeline}/deploys/{deploy}/log", d.logText)
	page("GET /p/{pipeline}/do/{action}", d.showForm)
	page("POST /p/{pipeline}/do/{action}", d.takeForm)
	d.mux.HandleFunc("/", d.lost)
	d.routeAPI()
}

// ServeHTTP implements http.Handler.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if r.URL.Path == "" { // mounted without a slash: links on the page would miss it
		asked, _, _ := strings.Cut(r.RequestURI, "?")
		seeOther(w, http.StatusMovedPermanently, path.Base(asked)+"/")
		return
	}
	if !strings.HasPrefix(r.URL.Path, "/") {
		inner := r.Clone(r.Context())
		inner.URL.Path, inner.URL.RawPath = "/"+r.URL.Path, ""
		r = inner
	}
	if err := d.origin.Check(r); err != nil {
		d.sorry(w, r, http.StatusForbidden, "This was sent by another site",
			"Your browser says that the request does not come from this dashboard's own pages. Nothing was changed. Open the dashboard and act from there.")
		return
	}
	d.mux.ServeHTTP(w, r)
}

// contentPolicy lets a page load its own stylesheet, script, pictures and events, send
// its forms to itself, and nothing else; nobody may frame it.
const contentPolicy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// secure sets the headers of every answer.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", contentPolicy)
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin") // none at all would hide the origin of forms, too
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// seeOther sends the browser to a path that is relative to the one it asked for: the
// dashboard does not know below which prefix it is mounted.
func seeOther(w http.ResponseWriter, code int, relative string) {
	w.Header().Set("Location", relative)
	w.WriteHeader(code)
}

func addSlash(w http.ResponseWriter, r *http.Request) {
	seeOther(w, http.StatusMovedPermanently, r.PathValue("pipeline")+"/")
}

// admit returns the pipeline that the path names, or answers that there is none that
// the reader may see.
func (d *Dashboard) admit(w http.ResponseWriter, r *http.Request) *lane {
	l := d.byKey[r.PathValue("pipeline")]
	name := r.PathValue("pipeline")
	if l != nil {
		name = l.name
	}
	if _, err := d.allow(r, Access{Pipeline: name}); err != nil {
		d.refused(w, r, err)
		return nil
	}
	if l == nil {
		d.lost(w, r)
	}
	return l
}

// lost answers for a page that is not there.
func (d *Dashboard) lost(w http.ResponseWriter, r *http.Request) {
	d.sorry(w, r, http.StatusNotFound, "There is no such page", "The address may be misspelt, or the pipeline is not shown here.")
}

// readable are the pipelines that may be read by who made r; an error when it is none.
func (d *Dashboard) readable(r *http.Request) ([]*lane, User, error) {
	var lanes []*lane
	var user User
	var refusal error
	for _, l := range d.lanes {
		u, err := d.allow(r, Access{Pipeline: l.name})
		if err != nil {
			refusal = err
			continue
		}
		lanes, user = append(lanes, l), u
	}
	if len(lanes) > 0 {
		refusal = nil
	}
	return lanes, user, refusal
}
