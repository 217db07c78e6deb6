package dashboard

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

const (
	// maxBody is how large a form or a request may be, in bytes.
	maxBody = 64 << 10
	// doTime bounds one request to a pipeline.
	doTime = 20 * time.Second
)

// did says what was recorded, by action. It is all that the address of a page can make
// it say.
var did = map[string]string{
	"hold":     "The hold is recorded. No deploy begins, and one under way pauses at its next batch.",
	"lift":     "The hold is lifted.",
	"ship":     "The deploy is asked for.",
	"rollback": "The rollback is recorded, and automation is stopped.",
	"resume":   "The pipeline is resumed.",
	"abort":    "The deploy is being aborted.",
	"answer":   "The answer is recorded.",
}

// takeForm takes what was typed into the form of an action.
func (d *Dashboard) takeForm(w http.ResponseWriter, r *http.Request, l *lane) {
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
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if err := r.ParseForm(); err != nil {
		d.unparsed(w, r, err)
		return
	}
	t := taking{d: d, w: w, r: r, l: l, a: a, u: u}
	if t.s, err = d.unseal(u, l, a.name, r.PostForm.Get("form")); err != nil {
		t.again(http.StatusForbidden, err.Error())
		return
	}
	t.take()
}

// unparsed says why a form cannot be read.
func (d *Dashboard) unparsed(w http.ResponseWriter, r *http.Request, err error) {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		d.sorry(w, r, http.StatusRequestEntityTooLarge, "That is too long", tooLong())
		return
	}
	d.sorry(w, r, http.StatusBadRequest, "The form cannot be read", words.Clean(err.Error()))
}

func tooLong() string {
	return fmt.Sprintf("A reason has at most %d bytes, and a request %d. Nothing was changed: go back and say it shorter.", lock.MaxReason, maxBody)
}

// taking is a form that was sent.
type taking struct {
	d *Dashboard
	w http.ResponseWriter
	r *http.Request
	l *lane
	a *action
	u User
	s sealed
}

// take asks the pipeline for what the form says.
func (t *taking) take() {
	q, err := t.request()
	if err != nil {
		t.again(http.StatusUnprocessableEntity, words.Capital(err.Error())+".")
		return
	}
	if t.a.outward && !t.s.Seen.equal(seenOf(t.l.look(t.r.Context(), 0).status)) {
		t.again(http.StatusConflict, "Nothing was done yet: the pipeline has changed since you opened this form. Look at it again, and confirm.")
		return
	}
	if _, err := t.d.allowRequest(t.r, t.l, q); err != nil {
		t.d.refused(t.w, t.r, err)
		return
	}
	// A browser that leaves in between, because somebody clicked twice, changes nothing.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.r.Context()), doTime)
	defer cancel()
	_, err = t.l.p.Do(ctx, q)
	t.l.read(ctx, 0)
	var refusal *pipeline.Refusal
	switch {
	case err == nil:
		seeOther(t.w, http.StatusSeeOther, "../?did="+t.a.name)
	case errors.As(err, &refusal) && refusal.Code == pipeline.Invalid:
		t.again(http.StatusUnprocessableEntity, words.Capital(words.Clean(refusal.Reason))+".")
	case errors.As(err, &refusal):
		t.overtaken(words.Capital(words.Clean(refusal.Reason)) + ".")
	case errors.Is(err, pipeline.ErrNoPipeline):
		t.overtaken(words.Capital(words.NeverRan) + ".")
	default:
		t.unknown(err)
	}
}

// request makes the request: by the user, and under the id that the form carries.
func (t *taking) request() (pipeline.Request, error) {
	q, err := t.a.request(t.s, t.r.PostForm, t.d.c.Zone)
	if err != nil {
		return nil, err
	}
	return amend(q, func(a *pipeline.Asked) {
		a.ID, a.By, a.Reason = t.s.Request, t.u.Name, t.r.PostForm.Get("reason")
	})
}

// reopened is the form once more, with what was typed, and what has changed since.
func (t *taking) reopened(problem string) form {
	f := t.d.openForm(t.r, t.l, t.a, t.u)
	f.In, f.Problem = t.r.PostForm, problem
	if !t.s.At.IsZero() {
		f.Opened = t.s.At
		f.Since = changes(t.s.Seen, t.l.now(), f.Now)
	}
	return f
}

// again shows the form once more, and why.
func (t *taking) again(code int, problem string) {
	t.d.show(t.w, code, "form", t.reopened(problem))
}

// overtaken says that the pipeline refused, and what has changed since the form was
// opened: somebody else was there first.
func (t *taking) overtaken(reason string) {
	f := t.reopened(reason)
	f.Heading = "Nothing was changed"
	t.d.show(t.w, http.StatusConflict, "overtaken", f)
}

// unknown shows the same form, with the same request, after an answer was lost.
func (t *taking) unknown(err error) {
	f := t.reopened("It is not known whether this was recorded: " + words.Clean(err.Error()) +
		". Confirm it again: it is done once, however often you do.")
	f.On, f.To = t.s.On, t.s.To
	f.Nothing = ""
	f.Sealed = t.d.seal(t.u, t.s)
	t.d.c.Log.Error("request", "pipeline", t.l.name, "action", t.a.name, "error", err)
	t.d.show(t.w, http.StatusBadGateway, "form", f)
}
