package targettest

import (
	"context"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

// TB is what the suite needs of a *testing.T.
type TB interface {
	Helper()
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(f func())
	TempDir() string
	Context() context.Context
}

// Place is where a target's units stand: a directory, a set of hosts, a bucket.
type Place interface {
	// Open returns the target at this place. It may be called many times without
	// closing what was opened before: that is what a successor finds after a crash.
	Open() (target.Target, error)
}

// The rest of this file is optional: what a Place implements besides, the suite
// makes use of, and what it lacks is logged as not asked.

// Publisher is a Place that brings its own artifacts, where units can only run
// certain ones. The suite's own hold one text file.
type Publisher interface {
	// Artifact returns the n-th artifact, counted from 1. The same n gives the same
	// artifact, others differ in their digest. The suite asks for up to four.
	Artifact(n int) *build.Artifact
}

// Crasher is a Place that can kill a deployer between any two steps of its work.
type Crasher interface {
	// CrashAfter lets so many more steps happen and kills the deployer before the
	// next: whatever target was opened fails in all it does and changes nothing
	// more. The function that it returns makes targets work again and says whether
	// the crash came.
	CrashAfter(steps int) (revive func() (crashed bool))
}

// Cutter is a Place that can make a unit unreachable.
type Cutter interface {
	Cut(unit string, off bool)
}

// Drifter is a Place that can take a unit off its release, behind the target's back.
type Drifter interface {
	// Drift leaves the unit reachable and not serving what was activated last.
	Drift(unit string)
}

// Joiner is a Place that units can join.
type Joiner interface {
	// Join adds a vacant unit to the membership and returns its name.
	Join() string
}
