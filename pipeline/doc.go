// Package pipeline ships the latest change that passed CI to production, unless
// the pipeline is locked or rolled back.
//
// A pipeline is a Source of changes, a CI that judges them, a build.Workshop (or
// whatever else makes artifacts), stages of targets, and one Record in a
// lock.Store. An Engine runs it:
//
//	engine, err := pipeline.New(pipeline.Config{
//		Name:   "web",
//		Source: branch,   // pipeline/source/git
//		CI:     verdicts, // anything that knows what passed
//		Builds: workshop, // build.Workshop
//		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{fleet}}},
//		Store:  store, // lock/filelock, or a store that several machines share
//		Logs:   logs,
//	})
//	...
//	err = engine.Run(ctx)
//
// People and bots act on it from anywhere with Open: a hold, a rollback, a resume
// is one swap on the record, which the deployer obeys within a second. They never
// talk to the deployer's process, so they can act when it is gone.
//
// # The rule
//
// Decide is the rule, as a pure function: the newest change by ancestry on the
// branch that passed CI and is neither quarantined nor parked. Explain is the same
// judgement for one change, as a value and a sentence.
//
// # Three stops
//
// A hold is a person's (lock.Hold): it says who, why and until when, and is lifted
// by its id. A stop is the state after a rollback: automation is off and the bad
// range is quarantined, until a person resumes and names the commit from which to
// ship. A lease is the machines' (lock.Lease): one deployer acts at a time. None
// of them stands in for another.
//
// # Crashes
//
// Every step of a deploy is a swap on the record before it and another after it. A
// deployer that is killed at any instruction is followed by one that takes the
// lease, claims the record under a higher epoch, fences every unit with a number
// that no older order has, reads what is there, and finishes.
package pipeline
