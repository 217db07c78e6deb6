package pipeline

import (
	"time"

	"github.com/muster-deploy/muster/lock"
)

// Status is what a pipeline says of itself: plain data that survives JSON.
type Status struct {
	Name string `json:"name"`
	// At is when it was read.
	At time.Time `json:"at"`
	// Reason says why the pipeline is or is not deploying, as a value and a sentence.
	Reason Reason `json:"reason"`
	// Live is the release that every unit should run; nil before the first.
	Live *Served `json:"live,omitempty"`
	// Open is the deploy or rollback under way.
	Open   *Attempt `json:"open,omitempty"`
	Stop   *Stop    `json:"stop,omitempty"`
	Wanted *Wanted  `json:"wanted,omitempty"`
	// Holds are those that hold now, whatever their scope and source.
	Holds []lock.Hold `json:"holds,omitempty"`
	// Floor is the commit from which automation ships since the last resume.
	Floor    string     `json:"floor,omitempty"`
	Excluded []Excluded `json:"excluded,omitempty"`
	Parked   []Parked   `json:"parked,omitempty"`
	// Served are the releases that were live, oldest first.
	Served []Served `json:"served,omitempty"`
	// Observed is what the targets' units said last.
	Observed map[string]Observed `json:"observed,omitempty"`
	// Deployer is who acts for the pipeline now; nil when nobody does.
	Deployer *lock.Grant `json:"deployer,omitempty"`
	// Epoch and Number are the record's.
	Epoch  uint64 `json:"epoch"`
	Number uint64 `json:"number"`
}
