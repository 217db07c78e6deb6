package pipeline

import (
	"time"

	"github.com/muster-deploy/muster/target"
)

// EventKind says what an Event is about.
type EventKind string

// What an engine tells its observers.
const (
	EventClaimed  EventKind = "claimed"  // this deployer acts now
	EventBegan    EventKind = "began"    // a deploy or a rollback began
	EventBuilding EventKind = "building" // a build began, or a line of it
	EventPrepared EventKind = "prepared" // every target holds the release
	EventStage    EventKind = "stage"    // a stage began, was activated, verified, or is done
	EventBatch    EventKind = "batch"    // a batch begins
	EventProgress EventKind = "progress" // news of one target's units
	EventEnded    EventKind = "ended"    // a deploy or a rollback ended
	EventReason   EventKind = "reason"   // why nothing is deployed has changed
	EventRequest  EventKind = "request"  // a person's request was seen
	EventProblem  EventKind = "problem"  // something did not work; it is tried again
	EventLost     EventKind = "lost"     // the observer was too slow: Lost events are missing
)

// Event is one piece of news. It is for observers: nothing depends on its arrival.
type Event struct {
	At       time.Time        `json:"at"`
	Pipeline string           `json:"pipeline"`
	Kind     EventKind        `json:"kind"`
	Deploy   string           `json:"deploy,omitempty"`
	Stage    string           `json:"stage,omitempty"`
	Target   string           `json:"target,omitempty"`
	Step     *target.Step     `json:"step,omitempty"`
	Progress *target.Progress `json:"progress,omitempty"`
	// End is set when Kind is EventEnded, and Ended is the line of the history.
	End   End     `json:"end,omitempty"`
	Ended *Deploy `json:"ended,omitempty"`
	// Message is a sentence for people.
	Message string `json:"message,omitempty"`
	Lost    int    `json:"lost,omitempty"`
}
