package pipeline

import (
	"context"
	"errors"
	"time"
)

// ErrNotOnBranch says that a revision is not an ancestor of the branch's head, or
// does not exist.
var ErrNotOnBranch = errors.New("pipeline: revision is not on the branch")

// Change is one revision on the branch.
type Change struct {
	Revision string `json:"revision"`
	Author   string `json:"author,omitempty"`
	// Subject is the first line of the commit message. It is somebody's text: escape it.
	Subject string `json:"subject,omitempty"`
	// Time is when the change was committed, by the committer's clock. It is for
	// people; nothing is ever ordered by it.
	Time time.Time `json:"time,omitzero"`
}

// Short returns the first seven characters of the revision, for people.
func (c Change) Short() string { return short(c.Revision) }

func short(revision string) string { return revision[:min(7, len(revision))] }

// Source lists the changes of one branch. The engine calls it at every poll, at
// every wake-up and before it begins a deploy; calls may be concurrent.
type Source interface {
	// Changes returns the first-parent changes of the branch, newest first: all
	// that descend from the revision to, and then to itself. The list is complete
	// or an error. When to is no ancestor of the head, the error wraps
	// ErrNotOnBranch. When to is empty, it returns the newest changes, as many as
	// the source finds reasonable, at least the head. An empty branch is an empty
	// list.
	Changes(ctx context.Context, to string) ([]Change, error)

	// IsAncestor reports whether ancestor can be reached from descendant by
	// parents, or is the same. It returns an error that wraps ErrNotOnBranch when
	// one of the two does not exist.
	IsAncestor(ctx context.Context, ancestor, descendant string) (bool, error)
}

// Verdict is what CI says of a change.
type Verdict string

const (
	// Pending is the zero Verdict: CI has not finished, or was never asked.
	Pending Verdict = ""
	// Passed: the change may be shipped.
	Passed Verdict = "passed"
	// Failed: it may not.
	Failed Verdict = "failed"
)

// CI judges changes. The engine asks at every poll and wake-up about all changes
// that are newer than what is live, and before each batch about the one that is
// being deployed; calls may be concurrent.
type CI interface {
	// Verdicts returns what is known of the revisions; one that it does not name is
	// Pending. An error means that nothing was learnt. A verdict may change later.
	Verdicts(ctx context.Context, revisions []string) (map[string]Verdict, error)
}

// Recaller is a CI that sets to work when it is asked, and can be asked without. It is
// optional: who looks at a pipeline, at its status, a plan or why a change is not live,
// asks it for no more. His process may be gone a moment later.
type Recaller interface {
	// Recall is Verdicts of what is judged already. It starts nothing.
	Recall(ctx context.Context, revisions []string) (map[string]Verdict, error)
}

// Notifier is a CI that says when it has judged. It is optional: New looks for it, and
// a verdict is acted on at once then, not at the next poll.
type Notifier interface {
	// Notify adds a function to those that are called after each verdict. Several
	// pipelines may ask one CI. What is called returns at once, and may be called from
	// any goroutine.
	Notify(f func())
}
