package pipeline

import (
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// Bounds of what a record keeps. What falls off the end is only explained less
// well: the floor protects, whatever the list of quarantined commits has lost.
const (
	keepServed   = 50
	keepExcluded = 1000
	keepParked   = 100
	keepBatch    = 200
	keepFailed   = 20
	keepRequests = 200
)

// requestMemory is how long the id of a request is remembered at least.
const requestMemory = 24 * time.Hour

// Record is a pipeline's durable state: one document, changed by compare-and-swap
// only. It is exported for those who read it (Decide, Explain, a dashboard); only
// this package changes one.
type Record struct {
	Schema int    `json:"schema"`
	Name   string `json:"name"`

	// Epoch grows with every claim of the record. Lease and Grant are the key and
	// the epoch of the lease under which it was last claimed, Holder says whose.
	Epoch  uint64 `json:"epoch"`
	Lease  string `json:"lease,omitempty"`
	Grant  uint64 `json:"grant,omitempty"`
	Holder string `json:"holder,omitempty"`

	// Number grows with each order to a target; it is never reset.
	Number uint64 `json:"number"`
	// Releases is the number of the last release, or rollback.
	Releases uint64 `json:"releases"`

	// Live is the release that every unit should run: the last that was declared in
	// all stages, or the one that a rollback has chosen. Nil before the first.
	Live *target.Release `json:"live,omitempty"`
	// Served are the last releases that were declared live, oldest first.
	Served []Served `json:"served,omitempty"`

	// Open is the one deploy or rollback under way, or nil.
	Open *Attempt `json:"open,omitempty"`
	// Stop is why automation is off, or nil.
	Stop *Stop `json:"stop,omitempty"`
	// Wanted is the deploy that a person asked for, until it begins; or nil.
	Wanted *Wanted `json:"wanted,omitempty"`

	// Excluded are the quarantined commits, in the order in which they came.
	Excluded []Excluded `json:"excluded,omitempty"`
	// Parked are the revisions that automation does not try again.
	Parked []Parked `json:"parked,omitempty"`
	// Floor is the commit from which automation may ship, since the last resume;
	// empty once a descendant of it was declared live.
	Floor string `json:"floor,omitempty"`
	// Holds are the holds on this pipeline alone.
	Holds []lock.Hold `json:"holds,omitempty"`

	// Requests are the operator requests that were applied.
	Requests []Applied `json:"requests,omitempty"`

	// Ended are deploys that are not yet in the history, oldest first, and Page is
	// the number of the history page that is being filled.
	Ended []Deploy `json:"ended,omitempty"`
	Page  int      `json:"page"`

	// Waiting is the last reason that the deployer recorded for not deploying.
	Waiting *Reason `json:"waiting,omitempty"`
	// Observed is what the targets' units said when the deployer last noticed a
	// difference.
	Observed map[string]Observed `json:"observed,omitempty"`

	rest unknownFields
}

// Served is a release that was declared live, and what it brought.
type Served struct {
	target.Release
	// Batch are the revisions that it brought, newest first, its own included;
	// those of a long batch are cut at its old end.
	Batch []string  `json:"batch,omitempty"`
	At    time.Time `json:"at"`
}

// StopKind says why automation was stopped.
type StopKind string

const (
	// StopRollback follows a rollback.
	StopRollback StopKind = "rollback"
	// StopFailed follows a first deploy that failed with nothing to go back to.
	StopFailed StopKind = "failed"
	// StopRewritten follows a force-push that removed the commit named by a resume.
	StopRewritten StopKind = "rewritten"
	// StopDiverged follows a force-push after which the head is neither ancestor
	// nor descendant of what is live.
	StopDiverged StopKind = "diverged"
)

// Stop is the state in which automation is off, until a person resumes.
type Stop struct {
	ID     string    `json:"id"`
	Kind   StopKind  `json:"kind"`
	By     string    `json:"by"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	// From is the release that was undone, To the one that was gone back to.
	From *target.Release `json:"from,omitempty"`
	To   *target.Release `json:"to,omitempty"`
}

// Wanted is a deploy that a person asked for.
type Wanted struct {
	Asked
	Revision string    `json:"revision"`
	Override Override  `json:"override,omitzero"`
	At       time.Time `json:"at"`
}

// Excluded is a quarantined commit.
type Excluded struct {
	Revision string `json:"revision"`
	// Stop is the id of the stop that quarantined it.
	Stop string `json:"stop"`
}

// Parked is a revision that automation does not try again.
type Parked struct {
	Revision string `json:"revision"`
	// Build says that it was the build that failed: an older change may still be
	// shipped. Where a deploy failed or was aborted, older ones wait too.
	Build  bool      `json:"build,omitempty"`
	Reason string    `json:"reason"`
	At     time.Time `json:"at"`
}

// Applied is an operator request that was applied.
type Applied struct {
	ID string    `json:"id"`
	At time.Time `json:"at"`
}

// Observed is what a target's units said.
type Observed struct {
	At time.Time `json:"at"`
	// Units is how many there are, On how many serve what they should.
	Units int `json:"units"`
	On    int `json:"on"`
	// Off are the first of the others.
	Off []target.Unit `json:"off,omitempty"`
	// BestEffort says that the target cannot fence for certain.
	BestEffort bool `json:"best_effort,omitempty"`
}

// excluded reports whether the revision is quarantined.
func (r *Record) excluded(revision string) bool {
	return slices.ContainsFunc(r.Excluded, func(e Excluded) bool { return e.Revision == revision })
}

// parked returns the entry of a revision that is not tried again, or nil.
func (r *Record) parked(revision string) *Parked {
	for i := range r.Parked {
		if r.Parked[i].Revision == revision {
			return &r.Parked[i]
		}
	}
	return nil
}

// applied reports whether the request of that id was applied.
func (r *Record) applied(id string) bool {
	return slices.ContainsFunc(r.Requests, func(a Applied) bool { return a.ID == id })
}

// served returns the release of that id among those that were live, or nil.
func (r *Record) served(id string) *Served {
	for i := range r.Served {
		if r.Served[i].ID == id {
			return &r.Served[i]
		}
	}
	return nil
}

// liveRevision is the revision that is live, or empty.
func (r *Record) liveRevision() string {
	if r.Live == nil {
		return ""
	}
	return r.Live.Revision
}
