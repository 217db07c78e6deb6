package build

import (
	"fmt"
	"strings"
)

// Tool is one choice of a build: which version of what, and why.
type Tool struct {
	Name string `json:"name"`
	// Version is what the app asks for, as Met reads it. Empty: the app does not say,
	// and any will do.
	Version string `json:"version"`
	// File and Line say where the version was asked for, Rule by which rule it won.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
	Rule string `json:"rule,omitempty"`
	// Alternatives are what other sources asked for, as "version (file:line)".
	Alternatives []string `json:"alternatives,omitempty"`
}

// String returns the choice and why it was made, for people:
//
//	ruby 3.2.2 (.ruby-version:1, by .ruby-version before Gemfile; also 3.2 (Gemfile:3))
func (t Tool) String() string {
	s := t.Name
	if t.Version != "" {
		s += " " + t.Version
	}
	var why []string
	if t.File != "" {
		at := t.File
		if t.Line > 0 {
			at = fmt.Sprintf("%s:%d", t.File, t.Line)
		}
		why = append(why, at)
	}
	if t.Rule != "" {
		why = append(why, t.Rule)
	}
	said := strings.Join(why, ", ")
	if len(t.Alternatives) > 0 {
		said = strings.TrimPrefix(said+"; also "+strings.Join(t.Alternatives, ", "), "; ")
	}
	if said == "" {
		return s
	}
	return s + " (" + said + ")"
}
