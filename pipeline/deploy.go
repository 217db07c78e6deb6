package pipeline

import (
	"time"

	"github.com/muster-deploy/muster/target"
)

// End is how a deploy ended.
type End string

const (
	// Live: every unit was read back on the release, but for those within the budget.
	Live End = "live"
	// Unchanged: the artifact is the one that is live already; no unit was touched.
	Unchanged End = "unchanged"
	// FailedEnd: it failed, and nothing was switched.
	FailedEnd End = "failed"
	// RolledBack: what was begun is back on the release before.
	RolledBack End = "rolled back"
	// RollbackFailed: units are not back on the release before; they are listed, and
	// convergence goes on trying.
	RollbackFailed End = "rollback failed"
	// Superseded: a newer change was ready before the first batch.
	Superseded End = "superseded"
	// Aborted: a person ended it before anything was switched.
	Aborted End = "aborted"
)

// Deploy is one attempt that has ended: a line of the history.
type Deploy struct {
	// ID is that of the release, or of the rollback.
	ID   string `json:"id"`
	Kind Kind   `json:"kind"`
	End  End    `json:"end"`
	// From was live when it began (nil: nothing), To is the release that it was for.
	From *target.Release `json:"from,omitempty"`
	To   target.Release  `json:"to"`
	// Batch are the revisions that it brought, newest first.
	Batch   []string `json:"batch,omitempty"`
	Subject string   `json:"subject,omitempty"`
	// By and Reason say who asked for it, Why why it ended as it did.
	By     string `json:"by,omitempty"`
	Reason string `json:"reason,omitempty"`
	Why    string `json:"why,omitempty"`
	// Override is what was gone past.
	Override Override `json:"override,omitzero"`
	// Committed is when the newest change was committed, by its committer's clock.
	Committed time.Time `json:"committed,omitzero"`
	Began     time.Time `json:"began"`
	Ended     time.Time `json:"ended"`
	// Failed are the first units that were not on the release in the end.
	Failed []target.Unit `json:"failed,omitempty"`
	// Logged is how many pieces its log has.
	Logged int `json:"logged,omitempty"`
}

// ended returns the line of the history for an open deploy or rollback.
func (o *Attempt) ended(end End, why string, now time.Time) Deploy {
	d := Deploy{
		ID: o.ID, Kind: o.Kind, End: end, From: o.From, To: o.To, Batch: o.Batch, Subject: o.Subject,
		By: o.By, Reason: o.Reason, Why: why, Override: o.Override,
		Committed: o.Committed, Began: o.Began, Ended: now, Logged: o.Logged,
	}
	for _, s := range o.Stages {
		for _, t := range s.Targets {
			d.Failed = append(d.Failed, t.Failed...)
		}
	}
	return d
}
