//go:build integration

package ec2target_test

import (
	"testing"

	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/targettest"
)

// TestRealShellsPassTheSuite leaves crashes to the models: they are many, and a shell
// takes its time.
func TestRealShellsPassTheSuite(t *testing.T) {
	faults := ec2test.Faults{Seed: 2, Throttled: 0.05, Unanswered: 0.05, Doubled: 0.1}
	targettest.TestTarget(t, func(t targettest.TB) targettest.Place { return newShells(t, ec2test.Config{Faults: faults}, 2) })
}
