package pipeline

import "github.com/muster-deploy/muster/target"

// Plan is what an engine would do now.
type Plan struct {
	// Reason says why something, or nothing, would be done.
	Reason Reason `json:"reason"`
	// Go says that a deploy would begin now. Change and Batch are what it would
	// ship, also while something prevents it.
	Go     bool     `json:"go"`
	Change *Change  `json:"change,omitempty"`
	Batch  []Change `json:"batch,omitempty"`
	// Digest is the artifact's where it is built already.
	Digest string `json:"digest,omitempty"`
	// Stages are the steps in order.
	Stages []PlannedStage `json:"stages,omitempty"`
}

// PlannedStage is what would be done in one stage.
type PlannedStage struct {
	Name    string          `json:"name"`
	Hooks   []string        `json:"hooks,omitempty"`
	Targets []PlannedTarget `json:"targets"`
	Checks  []string        `json:"checks,omitempty"`
}

// PlannedTarget is what would be done on one target.
type PlannedTarget struct {
	Name string `json:"name"`
	// Steps are the exact batches; nil where the target cannot say, or the artifact
	// is not built yet.
	Steps []target.Step `json:"steps,omitempty"`
	// Problem is why the steps are not known.
	Problem string `json:"problem,omitempty"`
}
