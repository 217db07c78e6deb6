package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// Request is what a person may ask of a pipeline: a PlaceHold, LiftHold, Ship,
// Rollback, Resume, Abort or Answer. EncodeRequest and DecodeRequest are its wire
// form.
type Request interface {
	request() string // the kind, in the wire form
	meta() Asked
	named(id string) Request // the same request, with that id
	validate() error
}

// Asked is who asks, and the request's id. It is part of every request.
type Asked struct {
	// ID names the request: the same id is applied at most once. Empty: Do makes one.
	ID string `json:"id,omitempty"`
	// By is who asks. It is required.
	By string `json:"by"`
	// Reason is why, in their own words. PlaceHold, Ship, Rollback and Abort require it.
	Reason string `json:"reason,omitempty"`
}

func (a Asked) meta() Asked { return a }

// PlaceHold stops automation on a scope until the hold is lifted or ends. The
// hold's id is the request's.
type PlaceHold struct {
	Asked
	// Scope is what is held. Zero: the pipeline that is asked.
	Scope lock.Scope `json:"scope,omitempty"`
	// Level is how much is held. Zero: lock.Deploys.
	Level lock.Level `json:"level,omitempty"`
	// Until is when the hold ends by itself. Zero: when it is lifted.
	Until time.Time `json:"until,omitzero"`
}

// LiftHold lifts one hold, by its id, and no other.
type LiftHold struct {
	Asked
	Hold string `json:"hold"`
}

// Ship asks to deploy one change now, instead of waiting for automation. It never
// goes past a stop, a quarantine or ancestry.
type Ship struct {
	Asked
	Revision string `json:"revision"`
	// Holds are the ids of the holds to go past, each by name.
	Holds []string `json:"holds,omitempty"`
	// Unjudged ships a change whose verdict is not there or failed.
	Unjudged bool `json:"unjudged,omitempty"`
}

// Rollback undoes a release: the one before it goes live, automation stops, and
// what came since is quarantined.
type Rollback struct {
	Asked
	// From is the id of the release to undo. It is required, and must be live or
	// on its way when the request arrives: two people who press the button, or one
	// who presses twice, roll back once.
	From string `json:"from"`
	// To is the id of a release that was live before. Zero: the newest that is not
	// quarantined and differs from From.
	To string `json:"to,omitempty"`
}

// Resume ends a stop: automation goes on with the commit From and its descendants,
// and with nothing older.
type Resume struct {
	Asked
	// Stop is the id of the stop that is ended. It is required.
	Stop string `json:"stop"`
	// From is the full id of the commit from which to ship. It is required: no
	// library can know that a commit on top of a bug is clean.
	From string `json:"from"`
}

// Abort ends an open deploy: before any unit was switched it is dropped, after that
// it is rolled back.
type Abort struct {
	Asked
	// Deploy is the deploy's id. It is required.
	Deploy string `json:"deploy"`
}

// Answer says what became of a hook whose end is not known, because a deployer died
// while it ran. A deploy waits for it when the hook is not declared Repeatable.
type Answer struct {
	Asked
	Deploy string `json:"deploy"`
	Hook   string `json:"hook"`
	// Done says that the hook did its work. False: run it again.
	Done bool `json:"done"`
}

func (r PlaceHold) named(id string) Request { r.ID = id; return r }
func (r LiftHold) named(id string) Request  { r.ID = id; return r }
func (r Ship) named(id string) Request      { r.ID = id; return r }
func (r Rollback) named(id string) Request  { r.ID = id; return r }
func (r Resume) named(id string) Request    { r.ID = id; return r }
func (r Abort) named(id string) Request     { r.ID = id; return r }
func (r Answer) named(id string) Request    { r.ID = id; return r }

func (PlaceHold) request() string { return "hold" }
func (LiftHold) request() string  { return "lift" }
func (Ship) request() string      { return "ship" }
func (Rollback) request() string  { return "rollback" }
func (Resume) request() string    { return "resume" }
func (Abort) request() string     { return "abort" }
func (Answer) request() string    { return "answer" }

func (r PlaceHold) validate() error { return errors.Join(r.author(), r.reason("hold")) }
func (r LiftHold) validate() error  { return errors.Join(r.author(), need("hold", r.Hold)) }
func (r Ship) validate() error {
	return errors.Join(r.author(), r.reason("deploy by hand"), need("revision", r.Revision))
}
func (r Rollback) validate() error {
	return errors.Join(r.author(), r.reason("rollback"), need("release to undo", r.From))
}
func (r Resume) validate() error {
	return errors.Join(r.author(), need("stop", r.Stop), need("commit from which to ship", r.From))
}
func (r Abort) validate() error {
	return errors.Join(r.author(), r.reason("abort"), need("deploy", r.Deploy))
}
func (r Answer) validate() error {
	return errors.Join(r.author(), need("deploy", r.Deploy), need("hook", r.Hook))
}

func (a Asked) author() error {
	var errs []error
	if strings.TrimSpace(a.By) == "" {
		errs = append(errs, errors.New("the request does not say who asks"))
	}
	if len(a.By) > lock.MaxName || len(a.ID) > lock.MaxName {
		errs = append(errs, fmt.Errorf("the author or the id of the request is longer than %d bytes", lock.MaxName))
	}
	if len(a.Reason) > lock.MaxReason {
		errs = append(errs, fmt.Errorf("the reason has %d bytes, at most %d are kept", len(a.Reason), lock.MaxReason))
	}
	return errors.Join(errs...)
}

func (a Asked) reason(what string) error {
	if strings.TrimSpace(a.Reason) == "" {
		return fmt.Errorf("a %s needs a reason: say why, for the person who reads it at night", what)
	}
	return nil
}

func need(what, value string) error {
	if value == "" {
		return fmt.Errorf("the request does not name the %s", what)
	}
	if len(value) > lock.MaxName {
		return fmt.Errorf("the %s has %d bytes: at most %d are accepted", what, len(value), lock.MaxName)
	}
	return nil
}

// Refusal is why a request was not applied. Nothing was changed.
type Refusal struct {
	Code   RefusalCode `json:"code"`
	Reason string      `json:"reason"`
}

// Error returns the reason, a sentence.
func (r *Refusal) Error() string { return r.Reason }

// RefusalCode says what kind of refusal it is, for callers that branch.
type RefusalCode string

const (
	// Invalid requests lack something, or say too much.
	Invalid RefusalCode = "invalid"
	// Outdated requests name what is no longer so: a release that is not live, a
	// stop that was ended, a hold that is not there.
	Outdated RefusalCode = "outdated"
	// Impossible requests cannot be done: nothing to go back to, a quarantined
	// commit, a rollback under way.
	Impossible RefusalCode = "impossible"
)

func refuse(code RefusalCode, format string, args ...any) error {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// envelope is the wire form of a request.
type envelope struct {
	Kind    string          `json:"kind"`
	Request json.RawMessage `json:"request"`
}

// EncodeRequest returns the wire form of r: a JSON object of its kind and itself.
func EncodeRequest(r Request) ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return json.Marshal(envelope{Kind: r.request(), Request: body})
}

// DecodeRequest reads what EncodeRequest wrote. The request is not validated: Do
// does that.
func DecodeRequest(data []byte) (Request, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, fmt.Errorf("decode request: %w", err)
	}
	switch e.Kind {
	case PlaceHold{}.request():
		return decodeAs[PlaceHold](e)
	case LiftHold{}.request():
		return decodeAs[LiftHold](e)
	case Ship{}.request():
		return decodeAs[Ship](e)
	case Rollback{}.request():
		return decodeAs[Rollback](e)
	case Resume{}.request():
		return decodeAs[Resume](e)
	case Abort{}.request():
		return decodeAs[Abort](e)
	case Answer{}.request():
		return decodeAs[Answer](e)
	}
	return nil, fmt.Errorf("decode request: unknown kind %q", e.Kind)
}

func decodeAs[R Request](e envelope) (Request, error) {
	var r R
	if err := json.Unmarshal(e.Request, &r); err != nil {
		return nil, fmt.Errorf("decode %s request: %w", e.Kind, err)
	}
	return r, nil
}
