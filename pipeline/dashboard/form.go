package dashboard

import (
	"context"
	"crypto/rand"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// action is something that people can ask for on a page of its own.
type action struct {
	name string // in the path
	verb string // on the button
	// reason says whether a reason is required.
	reason bool
	// grave actions have a button that says so.
	grave bool
	// outward actions let changes out: they ask again when the pipeline changed since
	// the form was opened. The others hold changes back, and do not.
	outward bool
	// open fills in the form: what it acts on, by id, and what would happen. It returns
	// why there is nothing to do.
	open func(c *opening) (nothing string)
	// request makes the request out of what the form carries and what was typed.
	request func(s sealed, in url.Values, zone *time.Location) (pipeline.Request, error)
}

// actions are all there are.
var actions = []*action{holdAction, liftAction, shipAction, rollbackAction, resumeAction, abortAction, answerAction}

// named returns the action of that name, or nil.
func named(name string) *action {
	for _, a := range actions {
		if a.name == name {
			return a
		}
	}
	return nil
}

// opening is a form that is being opened.
type opening struct {
	ctx  context.Context
	l    *lane
	s    pipeline.Status
	in   url.Values // of the address
	now  time.Time
	form *form
}

// form is the page that confirms an action.
type form struct {
	frame
	Name, Key    string
	Heading      string
	Action, Verb string
	On, To       string
	What         []string // what would happen
	Nothing      string   // why there is nothing to do; then there is no form
	Reason       bool     // is required
	Grave        bool

	// Fields of one action each.
	Scopes  []choice
	Until   bool
	Changes []choice // to choose from
	Type    bool     // a change may be typed
	Holds   []heldBy // that may be gone past
	Judge   bool     // a missing verdict may be gone past

	In        url.Values // what was typed before
	Problem   string     // why it was not taken
	Since     []string   // what has changed since it was opened
	Opened    time.Time  // when that was
	Sealed    string
	MaxReason int
}

// choice is one of several.
type choice struct{ Value, Text, Note string }

// Typed is what was typed into a field before.
func (f form) Typed(field string) string { return f.In.Get(field) }

// Chose reports whether a value was chosen before.
func (f form) Chose(field, value string) bool {
	for _, v := range f.In[field] {
		if v == value {
			return true
		}
	}
	return false
}

// openForm opens the form of an action, for what the address says.
func (d *Dashboard) openForm(r *http.Request, l *lane, a *action, u User) form {
	v := l.look(r.Context(), freshly)
	f := form{frame: d.frame(r, u, ""), Name: l.name, Key: segment(l.name), Action: a.name, Verb: a.verb,
		Reason: a.reason, Grave: a.grave, In: url.Values{}, MaxReason: lock.MaxReason}
	f.Crumbs, f.Heading = []crumb{{l.name, "../"}}, a.verb
	f.Title = a.verb
	c := &opening{ctx: r.Context(), l: l, s: v.status, in: r.URL.Query(), now: f.Now, form: &f}
	f.Nothing = a.open(c)
	if v.err != nil {
		f.Problem = sentence(v)
	}
	f.Sealed = d.seal(u, sealed{Pipeline: l.name, Action: a.name, On: f.On, To: f.To, Request: a.fresh(),
		At: time.Now().UTC().Round(0), Seen: seenOf(v.status)})
	return f
}

// fresh is the id of a new request. That of a hold is typed at night, so it is short.
func (a *action) fresh() string {
	if a == holdAction {
		return strings.ToLower(rand.Text()[:10])
	}
	return rand.Text()
}

// showForm shows the form of an action.
func (d *Dashboard) showForm(w http.ResponseWriter, r *http.Request, l *lane) {
	a := named(r.PathValue("action"))
	if a == nil {
		d.lost(w, r)
		return
	}
	u, err := d.allow(r, Access{Pipeline: l.name, Act: true})
	if err != nil {
		d.refused(w, r, err)
		return
	}
	d.show(w, http.StatusOK, "form", d.openForm(r, l, a, u))
}
