package target

import (
	"context"
	"errors"
	"fmt"

	"github.com/muster-deploy/muster/build"
)

var (
	// ErrStale says that a unit has seen an order with a higher number, or another
	// release under the same number. The caller was overtaken: it stops, and
	// undoes nothing.
	ErrStale = errors.New("target: overtaken by a newer order")

	// ErrUnprepared says that a unit does not hold the release to activate.
	ErrUnprepared = errors.New("target: release is not prepared")
)

// Release is an artifact given a number in one pipeline. It is immutable. Units
// know a release by its digest: two releases of equal digest are one to them.
type Release struct {
	// ID is the number in the pipeline and the start of the revision: "42-3f9a1c0".
	ID string `json:"id"`
	// Revision is the change's full commit id.
	Revision string `json:"revision"`
	// Digest is the artifact's.
	Digest string `json:"digest"`
}

// Intent says why an order is given.
type Intent string

const (
	// Forward is a deploy; so is an empty Intent.
	Forward Intent = "forward"
	// Backward is a rollback: wide batches, past failures and canaries.
	Backward Intent = "backward"
	// Again is convergence: the live release once more. It also writes what booting
	// hosts read.
	Again Intent = "again"
)

// Order is one instruction to a target.
type Order struct {
	Release Release

	// Epoch is the lease's, for people and logs. Number comes from the pipeline's
	// record and grows with every order: units refuse one that is lower than the
	// highest they have seen, and the same number with another release. The same
	// order may come twice. Activate refuses number zero.
	Epoch, Number uint64

	Intent Intent

	// Keep lists the digests that must stay prepared; others may be retired on a unit
	// once Activate succeeded there, except what is live on it and what served
	// healthy before that. Nil retires nothing; empty and not nil names nothing.
	Keep []string

	// Begin is asked before each irreversible step, by one goroutine at a time, before
	// any unit of the step is touched in any way (taken out of a balancer, say). An
	// error forbids the step, nothing more is asked or begun, and Activate returns
	// it, wrapped or not, once the steps that were begun have ended. Nil means yes.
	Begin func(context.Context, Step) error

	// Report is told how the work goes. It never blocks and may be called by many
	// goroutines at once. Nil: nobody listens.
	Report func(Progress)
}

// Ask asks whether a step may begin, as Begin says it. Nobody to ask means yes.
func (o Order) Ask(ctx context.Context, s Step) error {
	if o.Begin == nil {
		return nil
	}
	return o.Begin(ctx, s)
}

// Tell reports how the work goes, if anybody listens.
func (o Order) Tell(p Progress) {
	if o.Report != nil {
		o.Report(p)
	}
}

// Match returns an error unless a is the artifact of o's release, which Prepare asks
// first.
func (o Order) Match(a *build.Artifact) error {
	switch {
	case a == nil || a.Digest == "":
		return errors.New("there is no artifact")
	case a.Digest != o.Release.Digest:
		return fmt.Errorf("the artifact is %s, and the order is for %s", a.Digest, o.Release.Digest)
	}
	return nil
}

// Step is what is about to be changed and cannot be unchanged: one batch of units.
type Step struct {
	// Batch counts from 1 within one call of Activate; Batches is how many there
	// will be, as far as is known.
	Batch   int `json:"batch"`
	Batches int `json:"batches"`
	// Units are the names of the units that the step switches.
	Units []string `json:"units"`
}

// Progress is one piece of news about an order under way.
type Progress struct {
	Unit    string `json:"unit,omitempty"` // empty: the target as a whole
	Phase   string `json:"phase"`          // "fetch", "drain", "switch", "confirm", "done", "failed", ...
	Done    int64  `json:"done,omitempty"` // of Total, in Of
	Total   int64  `json:"total,omitempty"`
	Of      string `json:"of,omitempty"` // "bytes", "files", "units"
	Message string `json:"message,omitempty"`
}

// Condition says what is known of a unit.
type Condition string

const (
	// Unknown is the zero Condition: the unit did not answer.
	Unknown Condition = ""
	// Serving means that the unit answers and serves Digest.
	Serving Condition = "serving"
	// Unhealthy means that the unit answers but does not serve as it should.
	Unhealthy Condition = "unhealthy"
	// Vacant means that the unit answers and no release was ever activated on it.
	Vacant Condition = "vacant"
)

// Unit is one part of a target that is switched by itself: a host, a site.
type Unit struct {
	Name      string    `json:"name"`
	Condition Condition `json:"condition"`
	// Digest is what is live on the unit, also when it is unhealthy; empty when it
	// is unknown or vacant.
	Digest string `json:"digest,omitempty"`
	// Number is the highest order that the unit has confirmed.
	Number uint64 `json:"number"`
	// Problem says what is wrong, where Condition is Unknown or Unhealthy, or
	// where the unit refused the fence (it then wraps nothing: it is text).
	Problem string `json:"problem,omitempty"`
}

// State is what a target's units say.
type State struct {
	// Units are sorted by name. A unit that left the membership is not listed.
	Units []Unit `json:"units"`

	// Budget is how many units may be off the release while it still counts as live.
	Budget int `json:"budget,omitempty"`
}

// Target is a place where releases go live. The engine calls Prepare and Observe
// whenever it likes, and one Activate at a time; a deployer that was overtaken may
// call any of them late, doubled or concurrently with its successor, which is what
// the numbers are for. All methods are idempotent and may be called concurrently.
//
// The package targettest holds the conformance suite.
type Target interface {
	// Name is the target's name in its pipeline, for people; it never changes.
	Name() string

	// Prepare brings a to every unit without making it live. It refuses with
	// ErrStale where a unit has seen a higher number, but raises no fence. It refuses
	// an artifact whose digest is not the release's, and bytes that are not what the
	// manifest says. Units that could not be prepared are joined as UnitErrors; the
	// others are prepared.
	Prepare(ctx context.Context, o Order, a *build.Artifact) error

	// Activate makes a prepared release live and returns once it serves, or has
	// failed to: ErrStale, ErrUnprepared (nothing was switched by this call on the
	// units that lack it, though their fence may be raised), Begin's error, the
	// context's, or the UnitErrors of units, joined. Nil
	// means that it is live on all units but those that the target's own budget
	// forgives; Observe tells which. A unit on which the digest is live and serving
	// already is not touched, but its fence is raised, durably, before anything
	// else is done.
	//
	// If Intent is Backward or Again, what booting units read is written first, before
	// the members are listed.
	//
	// A unit that fails puts back, by itself, what it served before. When ctx ends,
	// units under way are left on either release, not between.
	Activate(ctx context.Context, o Order) error

	// Observe reads back every unit. One that does not answer is a Unit with a
	// problem, not an error. With o.Number above zero it raises each unit's fence
	// first, to that number and no release (twice is the same as once), and returns
	// ErrStale beside the complete state when a unit refuses; with zero it only reads.
	Observe(ctx context.Context, o Order) (State, error)
}

// UnitError is what went wrong on one unit. Activate and Prepare join them.
type UnitError struct {
	Unit string
	Err  error
}

// Error names the unit first.
func (e *UnitError) Error() string { return fmt.Sprintf("%s: %v", e.Unit, e.Err) }

// Unwrap returns what went wrong.
func (e *UnitError) Unwrap() error { return e.Err }
