// Package ci holds judges of changes that need no service: Command runs a command
// on a checkout of each change, Func asks a function, Manual does as it is told.
//
//	checks, err := ci.New(ci.Config{
//		Trees:   app, // a build/mirror.Mirror
//		Command: build.Command{Name: "go", Args: []string{"test", "./..."}},
//		Store:   store, // verdicts outlive the process
//	})
//	...
//	defer checks.Close()
//	engine, err := pipeline.New(pipeline.Config{CI: checks, ...})
//
// Command and Manual tell the engine of a verdict at once: it does not wait for the next
// poll.
//
// A team that has a CI service writes a pipeline.CI of its own that asks it.
package ci
