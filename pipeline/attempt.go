package pipeline

import (
	"maps"
	"slices"
	"time"

	"github.com/muster-deploy/muster/target"
)

// Kind says what is under way.
type Kind string

const (
	KindDeploy   Kind = "deploy"   // a change goes forward
	KindRollback Kind = "rollback" // an older release comes back
)

// Attempt is a deploy or a rollback under way.
type Attempt struct {
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	// From is what was live when it began; nil for a first deploy.
	From *target.Release `json:"from,omitempty"`
	// To is what will be. Its digest is empty until it is built.
	To target.Release `json:"to"`
	// Batch are the changes that it brings, newest first.
	Batch []string `json:"batch,omitempty"`
	// Subject is the first line of the newest change's message.
	Subject string `json:"subject,omitempty"`
	// By and Reason say who asked for it; both are empty for automation.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	// Began is when it began, Committed when its change was committed.
	Began     time.Time `json:"began"`
	Committed time.Time `json:"committed,omitzero"`

	// Override is what a person ordered to go past.
	Override Override `json:"override,omitzero"`
	// Abort is who ordered to end it; nil when nobody did.
	Abort *Asked `json:"abort,omitempty"`

	// Prepared says that every target holds the release.
	Prepared bool `json:"prepared,omitempty"`
	// Stages says how far each stage is, by name.
	Stages map[string]*StageProgress `json:"stages,omitempty"`

	// Targets are those that a rollback goes to: all that were begun; with
	// Everywhere, all there are. Tries counts its tries, Retry says when the next is
	// due.
	Targets    []string  `json:"targets,omitempty"`
	Everywhere bool      `json:"everywhere,omitempty"`
	Tries      int       `json:"tries,omitempty"`
	Retry      time.Time `json:"retry,omitzero"`
	// Undone are the deploys that end with this rollback.
	Undone []Deploy `json:"undone,omitempty"`

	// Logged is how many pieces of its log are stored.
	Logged int `json:"logged,omitempty"`
}

// Override is what a person orders to go past, for one deploy.
type Override struct {
	Holds    []string `json:"holds,omitempty"`
	Unjudged bool     `json:"unjudged,omitempty"`
}

// StageProgress is how far a deploy is in one stage.
type StageProgress struct {
	Hooks   map[string]HookState      `json:"hooks,omitempty"`
	Targets map[string]TargetProgress `json:"targets,omitempty"`
	// Activated is when all targets served, Verified when all checks passed. Bake
	// time counts from Verified.
	Activated time.Time `json:"activated,omitzero"`
	Verified  time.Time `json:"verified,omitzero"`
	Done      bool      `json:"done,omitempty"`
}

// HookState is how far a hook is.
type HookState string

const (
	HookBegun HookState = "begun" // it may have done its work, or not
	HookDone  HookState = "done"  // it returned without an error
)

// TargetProgress is how far a deploy is on one target.
type TargetProgress struct {
	// Begun counts the units of the batches that were begun: it is above zero
	// before the first unit is touched.
	Begun int `json:"begun"`
	// Batch of Batches is the last one begun.
	Batch   int `json:"batch"`
	Batches int `json:"batches"`
	// Done says that Activate succeeded and the units were read back.
	Done bool `json:"done,omitempty"`
	// Failed are the first units that are not on the release, and why.
	Failed []target.Unit `json:"failed,omitempty"`
	// Tries counts the failures that were temporary.
	Tries int `json:"tries,omitempty"`
}

// stage returns the progress of a stage, which may be empty.
func (o *Attempt) stage(name string) StageProgress {
	if p := o.Stages[name]; p != nil {
		return *p
	}
	return StageProgress{}
}

// touch returns the progress of a stage for changing it.
func (o *Attempt) touch(name string) *StageProgress {
	if o.Stages == nil {
		o.Stages = map[string]*StageProgress{}
	}
	if o.Stages[name] == nil {
		o.Stages[name] = &StageProgress{}
	}
	return o.Stages[name]
}

// begun returns the names of the targets on which a batch was begun, sorted.
func (o *Attempt) begun() []string {
	names := map[string]bool{}
	for _, s := range o.Stages {
		for name, t := range s.Targets {
			if t.Begun > 0 {
				names[name] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}
