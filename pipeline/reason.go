package pipeline

import (
	"time"

	"github.com/muster-deploy/muster/lock"
)

// Code is a reason as a value, for programs.
type Code string

// What can be said of a change, or of a pipeline as a whole.
const (
	CodeLive        Code = "live"         // it is live
	CodeShipped     Code = "shipped"      // it is part of what is live
	CodeDeploying   Code = "deploying"    // it is being deployed, or part of what is
	CodeRollingBack Code = "rolling back" // a rollback is under way
	CodeNext        Code = "next"         // it will be deployed now
	CodeBatched     Code = "batched"      // it goes out with a newer change
	CodePending     Code = "pending"      // CI has not finished
	CodeFailed      Code = "failed"       // CI failed
	CodeHeld        Code = "held"         // a hold holds it
	CodeStopped     Code = "stopped"      // automation is stopped
	CodeQuarantined Code = "quarantined"  // it was rolled back
	CodeParked      Code = "parked"       // its build or deploy failed
	CodeBelowFloor  Code = "below floor"  // it is older than the commit named by the last resume
	CodeBehind      Code = "behind"       // the branch was pushed back behind what is live
	CodeDiverged    Code = "diverged"     // the branch and what is live went separate ways
	CodeRewritten   Code = "rewritten"    // the commit named by the last resume is gone from the branch
	CodeUnknown     Code = "unknown"      // it is not on the branch, or older than what is known
	CodeIdle        Code = "idle"         // nothing is newer than what is live
	CodeWaiting     Code = "waiting"      // the open deploy waits: for an answer, a retry, a bake time
	CodeUnreachable Code = "unreachable"  // the source or CI does not answer
	CodeAlarm       Code = "alarm"        // the verdict of what is live turned red
)

// Reason is an answer to "why is my change not live?": a value and a sentence.
type Reason struct {
	Code Code `json:"code"`
	// Sentence is for people: without a capital or a full stop, so that it can
	// stand after a name and a colon.
	Sentence string `json:"sentence"`
	// Revision is the change that it is about; empty when it is about the pipeline.
	Revision string `json:"revision,omitempty"`
	// Deploy is the deploy that it names, Stop the stop's id, Hold the hold.
	Deploy string     `json:"deploy,omitempty"`
	Stop   string     `json:"stop,omitempty"`
	Hold   *lock.Hold `json:"hold,omitempty"`
	// Until is when the reason ends by itself, where that is known.
	Until time.Time `json:"until,omitzero"`
}

// String returns the sentence.
func (r Reason) String() string { return r.Sentence }
