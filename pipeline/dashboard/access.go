package dashboard

import (
	"errors"
	"net/http"
	"slices"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// Access is what somebody wants of a pipeline.
type Access struct {
	// Pipeline is its name.
	Pipeline string
	// Act is false for reading.
	Act bool
	// Request is what is asked for; nil where it is not known yet: a form is shown, or
	// a page wants to know whether to offer one. A hold of wider scope is asked about
	// once for each of the dashboard's pipelines that it covers.
	Request pipeline.Request
}

// User is who asks.
type User struct {
	// Name is who is recorded as having asked. It is required.
	Name string
	// Session is anything that stays the same while the user is logged in, and is
	// nobody else's: forms are bound to it as well as to Name. It is never shown.
	Session string
	// Relay says that this is a program that is trusted to act for people: over the
	// API, it says itself in whose name. All others act in their own.
	Relay bool
}

// ErrUnauthenticated is for an Authorize function to return, wrapped or not, when it
// is not known who asks. The answer is 401, so that what stands before the dashboard
// can send people to log in; for every other error it is 403, with the error's text.
var ErrUnauthenticated = errors.New("it is not known who you are: log in")

var errReadOnly = errors.New("this dashboard is for reading: act from the deployer's command line")

// ReadOnly is an Authorize function for a network where everybody may read, and nobody
// acts.
func ReadOnly(_ *http.Request, a Access) (User, error) {
	if a.Act {
		return User{}, errReadOnly
	}
	return User{Name: "anyone"}, nil
}

// nobody stands in for an Authorize function that was not given.
func nobody(*http.Request, Access) (User, error) {
	return User{}, errors.New("this dashboard was not told who may read it: set Authorize in its Config, or use dashboard.ReadOnly")
}

var errNameless = errors.New("the dashboard's Authorize function did not say who asks")

// allow asks whether who made r may have the access.
func (d *Dashboard) allow(r *http.Request, a Access) (User, error) {
	u, err := d.c.Authorize(r, a)
	if err == nil && u.Name == "" {
		err = errNameless
	}
	return u, err
}

// mayAct reports whether forms are to be offered.
func (d *Dashboard) mayAct(r *http.Request, l *lane) bool {
	_, err := d.allow(r, Access{Pipeline: l.name, Act: true})
	return err == nil
}

// allowRequest asks whether who made r may have q done on l, and on every pipeline of
// the dashboard that q would touch beside it.
func (d *Dashboard) allowRequest(r *http.Request, l *lane, q pipeline.Request) (User, error) {
	user, err := d.allow(r, Access{Pipeline: l.name, Act: true, Request: q})
	if err != nil {
		return user, err
	}
	for _, other := range d.touched(l, q) {
		if _, err := d.allow(r, Access{Pipeline: other.name, Act: true, Request: q}); err != nil {
			return user, err
		}
	}
	return user, nil
}

// touched are the pipelines beside l that a request touches: those that a hold of
// wider scope covers. A hold that is not known may be of any scope.
func (d *Dashboard) touched(l *lane, q pipeline.Request) []*lane {
	var scope lock.Scope
	switch q := q.(type) {
	case pipeline.PlaceHold:
		scope = q.Scope
	case pipeline.LiftHold:
		scope = lock.All
		holds := l.now().status.Holds
		if i := slices.IndexFunc(holds, func(h lock.Hold) bool { return h.ID == q.Hold }); i >= 0 {
			scope = holds[i].Scope
		}
	}
	var others []*lane
	for _, other := range d.lanes {
		if other != l && scope.Covers(other.name) {
			others = append(others, other)
		}
	}
	return others
}
