package lock

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Level says how much a Hold stops.
type Level string

const (
	// Deploys stops automation: nothing new begins, and no further batch of an
	// open deploy. Rollback and convergence go on.
	Deploys Level = "deploys"

	// Everything stops rollbacks and convergence as well.
	Everything Level = "everything"
)

// Scope says which pipelines a Hold covers: one (Pipeline), those whose names
// begin alike (Prefix), or all of a store (All). The zero Scope covers nothing.
type Scope string

// All covers every pipeline of a store.
const All Scope = "all"

// Pipeline is the scope of the one pipeline of that name.
func Pipeline(name string) Scope { return Scope("pipeline:" + name) }

// Prefix is the scope of all pipelines whose names begin with prefix: a team's,
// where names look like "payments/web".
func Prefix(prefix string) Scope { return Scope("prefix:" + prefix) }

// Covers reports whether a pipeline of that name is in the scope.
func (s Scope) Covers(pipeline string) bool {
	if s == All {
		return true
	}
	if name, ok := strings.CutPrefix(string(s), "pipeline:"); ok {
		return name == pipeline
	}
	prefix, ok := strings.CutPrefix(string(s), "prefix:")
	return ok && prefix != "" && strings.HasPrefix(pipeline, prefix)
}

// valid reports whether s is one of the three forms.
func (s Scope) valid() bool {
	name, one := strings.CutPrefix(string(s), "pipeline:")
	prefix, many := strings.CutPrefix(string(s), "prefix:")
	return s == All || one && name != "" || many && prefix != ""
}

// Hold is a person's (or a calendar's) lock: plain data. Holds form a set; each
// is lifted by its ID and by nothing else. An expired hold is no hold, without
// anybody sweeping it away.
type Hold struct {
	// ID names the hold among all of its store.
	ID string `json:"id"`

	Scope Scope `json:"scope"`
	Level Level `json:"level"`

	// By is who holds, Reason why, in their own words. Both are required.
	By     string `json:"by"`
	Reason string `json:"reason"`

	// Source is where the hold comes from when it is not a person's: the name of
	// a calendar. It is empty for a person's hold.
	Source string `json:"source,omitempty"`

	// Since is when it was placed. Until is when it ends by itself; zero is never.
	Since time.Time `json:"since"`
	Until time.Time `json:"until,omitzero"`
}

// Limits of what people may write into a hold, in bytes.
const (
	MaxReason = 2000
	MaxName   = 200
)

// Validate returns everything that is wrong with the hold, joined, or nil.
func (h Hold) Validate() error {
	var errs []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	complain(h.ID == "", "hold has no id")
	complain(!h.Scope.valid(), "hold has scope %q: want %q, \"prefix:...\" or \"pipeline:...\"", h.Scope, All)
	complain(h.Level != Deploys && h.Level != Everything, "hold has level %q: want %q or %q", h.Level, Deploys, Everything)
	complain(strings.TrimSpace(h.By) == "", "hold does not say who holds")
	complain(len(h.By) > MaxName, "hold's author has %d bytes, at most %d are kept", len(h.By), MaxName)
	complain(strings.TrimSpace(h.Reason) == "", "hold has no reason: say why, for the person who reads it at night")
	complain(len(h.Reason) > MaxReason, "hold's reason has %d bytes, at most %d are kept", len(h.Reason), MaxReason)
	complain(len(h.ID) > MaxName, "hold's id has %d bytes, at most %d are kept", len(h.ID), MaxName)
	complain(len(h.Scope) > MaxName, "hold's scope has %d bytes, at most %d are kept", len(h.Scope), MaxName)
	complain(len(h.Source) > MaxName, "hold's source has %d bytes, at most %d are kept", len(h.Source), MaxName)
	complain(!h.Until.IsZero() && !h.Until.After(h.Since), "hold ends at %s, before it begins", h.Until.Format(time.RFC3339))
	return errors.Join(errs...)
}

// Active reports whether the hold holds at the time now: from Since, included,
// to Until, excluded.
func (h Hold) Active(now time.Time) bool {
	return !now.Before(h.Since) && (h.Until.IsZero() || now.Before(h.Until))
}

// String says the hold as a sentence's end: held by on-call: "db migration"
// until 17:00 UTC. The time is in the zone that Until carries, with the day where
// that is not the day of Since.
func (h Hold) String() string {
	verb := "held"
	if h.Level == Everything {
		verb = "held entirely"
	}
	sentence := fmt.Sprintf("%s by %s: %q", verb, h.By, h.Reason)
	if h.Until.IsZero() {
		return sentence
	}
	layout := "15:04 MST"
	if !sameDay(h.Since.In(h.Until.Location()), h.Until) {
		layout = "Mon 2 Jan 15:04 MST"
	}
	return sentence + " until " + h.Until.Format(layout)
}

// sameDay reports whether a and b show the same date, each in its own zone.
func sameDay(a, b time.Time) bool {
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}
