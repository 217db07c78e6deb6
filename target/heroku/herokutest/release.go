package herokutest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// entry is a release and how far it is.
type entry struct {
	version     int
	description string
	slug        *Slug
	status      string
	left        int    // reads until the release phase has ended
	stream      string // of its output
}

func (e *entry) public() Release {
	return Release{Version: e.version, Description: e.description, Status: e.status, Slug: e.slug}
}

// add makes a release. Without a release phase it has succeeded at once.
func (a *App) add(s *Slug, description string) *entry {
	e := &entry{version: len(a.releases) + 1, description: description, slug: s, status: "succeeded"}
	a.releases = append(a.releases, e)
	if s == nil || s.Processes["release"] == "" {
		a.live(e)
		return e
	}
	e.status, e.left, e.stream = "pending", a.Polls, rand.Text()
	if a.Polls == 0 {
		a.phase(e)
	}
	return e
}

// live has the dynos run a release.
func (a *App) live(e *entry) {
	a.seen = 0
	if e.slug == nil || len(a.formation) > 0 {
		return
	}
	for process := range e.slug.Processes {
		if process != "release" {
			a.formation[process] = 0
		}
	}
	if _, ok := e.slug.Processes["web"]; ok {
		a.formation["web"] = 1
	}
}

// phase ends a release phase.
func (a *App) phase(e *entry) {
	output, ok := "Running "+e.slug.Processes["release"]+"\n", true
	if a.Phase != nil {
		output, ok = a.Phase(e.public())
	}
	a.p.streams[e.stream] = output
	if !ok {
		e.status = "failed"
		return
	}
	e.status = "succeeded"
	a.live(e)
}

// current is the newest release that has succeeded.
func (a *App) current() *entry {
	for i := len(a.releases) - 1; i >= 0; i-- {
		if a.releases[i].status == "succeeded" {
			return a.releases[i]
		}
	}
	return &entry{}
}

// pass lets the release phases that run come nearer to their ends.
func (a *App) pass() {
	for _, e := range a.releases {
		if e.status != "pending" {
			continue
		}
		if e.left--; e.left < 0 {
			a.phase(e)
		}
	}
}

func (a *App) newRelease(w http.ResponseWriter, r *http.Request) {
	var in struct{ Slug, Description string }
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		refuse(w, http.StatusBadRequest, "bad_request", "Unable to parse the JSON request.")
		return
	}
	s := a.slugs[in.Slug]
	switch {
	case s == nil:
		refuse(w, http.StatusNotFound, "not_found", "Couldn't find that slug.")
	case !s.Uploaded:
		refuse(w, http.StatusUnprocessableEntity, "invalid_params", "The slug has no content yet.")
	case s.Size > a.p.max:
		refuse(w, http.StatusUnprocessableEntity, "invalid_params",
			fmt.Sprintf("Compiled slug size: %d bytes is too large (max is %d).", s.Size, a.p.max))
	default:
		say(w, http.StatusCreated, a.wire(a.add(s, in.Description), r))
	}
}

func (a *App) listReleases(w http.ResponseWriter, r *http.Request) {
	a.pass()
	var all []item
	for _, e := range a.releases {
		all = append(all, item{strconv.Itoa(e.version), a.wire(e, r)})
	}
	page(w, r, "version", all)
}

func (a *App) releaseInfo(w http.ResponseWriter, r *http.Request) {
	a.pass()
	for _, e := range a.releases {
		if strconv.Itoa(e.version) == r.PathValue("version") {
			say(w, http.StatusOK, a.wire(e, r))
			return
		}
	}
	refuse(w, http.StatusNotFound, "not_found", "Couldn't find that release.")
}

func (a *App) wire(e *entry, r *http.Request) map[string]any {
	out := map[string]any{
		"id": fmt.Sprintf("release-%d", e.version), "version": e.version, "description": e.description, "status": e.status,
		"current": e == a.current(), "slug": nil, "output_stream_url": nil,
	}
	if e.slug != nil {
		out["slug"] = map[string]string{"id": e.slug.ID}
	}
	if e.stream != "" {
		out["output_stream_url"] = "http://" + r.Host + "/streams/" + e.stream
	}
	return out
}

// stream is the output of a release phase, as far as it has come.
func (p *Platform) stream(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	text, ok := p.streams[r.PathValue("stream")]
	p.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	fmt.Fprint(w, text)
}
