package herokutest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// State is what a dyno does.
type State string

// The states of dynos.
const (
	Up       State = "up"
	Starting State = "starting" // as an outcome of a boot: it hangs
	Crashed  State = "crashed"
	Idle     State = "idle"
)

// App is one app of a Platform. Set the exported fields before the first request.
type App struct {
	// Polls is how many times what passes is seen before it has passed: a release phase
	// that runs, dynos that start. Zero: it is never seen.
	Polls int

	// Boot says what becomes of a dyno, such as "web.1", of a release. Nil: it is up.
	Boot func(r Release, dyno string) State

	// Phase is the release phase of slugs that have a process type "release": what it
	// prints, and whether it succeeds. Nil: it prints its command and does.
	Phase func(r Release) (output string, ok bool)

	// Web answers for a web dyno that is up. Nil: 200, with the release's version.
	Web http.Handler

	// Preboot keeps the old dynos up until the new ones are.
	Preboot bool

	name        string
	p           *Platform
	maintenance bool
	suspended   bool
	slugs       map[string]*Slug
	releases    []*entry // oldest first
	formation   map[string]int
	seen        int // how often the dynos of the current release were read
}

// Release is one release of an app.
type Release struct {
	Version     int
	Description string
	Status      string // "pending", "succeeded" or "failed"
	Slug        *Slug  // nil: none
}

// Create adds an app, which has no release of a slug yet and is on the stack heroku-24.
func (p *Platform) Create(name string) *App {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := &App{name: name, p: p, slugs: map[string]*Slug{}, formation: map[string]int{}}
	a.add(nil, "Initial release")
	a.add(nil, "Enable Logplex")
	p.apps[name] = a
	return a
}

// Maintain turns maintenance mode on or off: the app answers 503 then.
func (a *App) Maintain(on bool) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.maintenance = on
}

// Suspend suspends the app, or lifts that.
func (a *App) Suspend(on bool) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.suspended = on
}

// Scale sets how many dynos of a type there are.
func (a *App) Scale(process string, quantity int) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.formation[process] = quantity
}

// Configure changes config vars as a person does: a release of the same slug.
func (a *App) Configure(names ...string) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	a.add(a.current().slug, "Set "+strings.Join(names, ", ")+" config vars")
}

// Push releases a slug of somebody else's, as git push does. It names web and nothing
// else.
func (a *App) Push(description string) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	s := a.addSlug(Slug{Processes: map[string]string{"web": "run"}, Uploaded: true})
	a.add(s, description)
}

// Rollback releases the slug of an older version, as heroku rollback does.
func (a *App) Rollback(version int) {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	for _, e := range a.releases {
		if e.version == version {
			a.add(e.slug, fmt.Sprintf("Rollback to v%d", version))
			return
		}
	}
}

// Releases returns the releases, oldest first.
func (a *App) Releases() []Release {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	var all []Release
	for _, e := range a.releases {
		all = append(all, e.public())
	}
	return all
}

// Current returns the release whose slug the dynos run.
func (a *App) Current() Release {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	return a.current().public()
}

// Slugs returns the slugs that were made, in no order, whether uploaded or not.
func (a *App) Slugs() []Slug {
	a.p.mu.Lock()
	defer a.p.mu.Unlock()
	var all []Slug
	for _, s := range a.slugs {
		all = append(all, *s)
	}
	slices.SortFunc(all, func(x, y Slug) int { return strings.Compare(x.ID, y.ID) })
	return all
}

func (a *App) info(w http.ResponseWriter, r *http.Request) {
	say(w, http.StatusOK, map[string]any{
		"id": "app-" + a.name, "name": a.name, "maintenance": a.maintenance, "web_url": "http://" + r.Host + "/web/" + a.name + "/",
		"stack": map[string]string{"name": "heroku-24"}, "build_stack": map[string]string{"name": "heroku-24"},
	})
}

// configVars has something to hide.
func (a *App) configVars(w http.ResponseWriter, _ *http.Request) {
	say(w, http.StatusOK, map[string]string{"DATABASE_URL": "postgres://shop:hunter2@db.example.com/shop"})
}

// web answers as the app does.
func (p *Platform) web(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	a := p.apps[r.PathValue("app")]
	up := a != nil && !a.maintenance && !a.suspended && a.serving()
	version, handler := 0, http.Handler(nil)
	if up {
		version, handler = a.current().version, a.Web
	}
	p.mu.Unlock()
	switch {
	case !up:
		http.Error(w, "Application error", http.StatusServiceUnavailable)
	case handler != nil:
		http.StripPrefix("/web/"+r.PathValue("app"), handler).ServeHTTP(w, r)
	default:
		fmt.Fprintf(w, "v%d\n", version)
	}
}
