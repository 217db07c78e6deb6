package targettest

import (
	"fmt"
	"testing"
	"testing/synctest"
)

// TestTarget tests a target against the contract of target.Target. Each check runs
// on a fresh, vacant place, which fresh makes: with two units or more that are
// switched in more than one batch, where the target has such. Checks run in parallel,
// so that places must not get in each other's way. What a target declares by
// target.Fenced is what it is held to.
//
// What the place implements besides (Crasher, Cutter, ...) decides how hard the
// suite can be; it logs what it could not ask.
//
// A failure names releases by their number, and ends with what was asked of the target
// until then. Each check can be run by itself: go test -run 'TestX/a_lower_order'.
func TestTarget(t *testing.T, fresh func(TB) Place) {
	each(t, func(t *testing.T, c check) { c.run(t, fresh) })
}

// TestTargetInVirtualTime is TestTarget for places in memory: each check runs in a
// bubble of its own (testing/synctest), where limits and pauses of any length cost
// nothing and a loaded machine reaches none of them too early. What fresh makes must
// wait for nothing outside of its bubble: no network, no processes, no files that
// are locked.
func TestTargetInVirtualTime(t *testing.T, fresh func(TB) Place) {
	each(t, func(t *testing.T, c check) {
		synctest.Test(t, func(t *testing.T) { c.run(t, fresh) })
	})
}

// each runs the checks side by side.
func each(t *testing.T, run func(*testing.T, check)) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			run(t, c)
		})
	}
}

// check is one promise of the contract. Its name reads as a sentence.
type check struct {
	name string
	ask  func(*suite)
}

// checks are grouped by file. The suite's own tests want each to reject something.
var checks = []check{
	{"a new place is vacant", newPlaceIsVacant},
	{"the name never changes", nameNeverChanges},
	{"the fencing that is declared is known and never changes", fencingIsKnown},
	{"observe reads what is", observeReadsWhatIs},
	{"prepare shows nothing", prepareShowsNothing},
	{"prepare twice is prepare once", prepareTwice},
	{"prepare refuses lower orders and raises no fence", prepareIsFenced},
	{"prepare refuses another artifact than the order's", prepareRefusesOtherArtifact},
	{"prepare refuses bytes that differ from the manifest", prepareRefusesCorruption},
	{"activate makes the release live on every unit", activateMakesLive},
	{"activate twice is activate once", activateTwice},
	{"an unprepared release changes nothing", unpreparedChangesNothing},
	{"a rollback is the activation of an older prepared release", rollbackNeedsNoArtifact},
	{"retention keeps all if Keep is nil", retentionKeepsAll},
	{"retention keeps what is named, live and previous", retentionKeepsNeeded},
	{"an order that was refused retires nothing", refusedRetiresNothing},
	{"a lower order is refused", lowerIsRefused},
	{"the same number with another release is refused", sameNumberIsRefused},
	{"an old order delivered once more is refused", doubledOrderIsRefused},
	{"a fencing observe refuses what came before it", fencingObserve},
	{"a plain observe raises no fence", plainObserveRaisesNothing},
	{"an identical release touches nothing and raises the fence", identicalRaisesFence},
	{"the fence outlives the deployer", fenceIsDurable},
	{"stale and new orders at once end with the new one", staleAndNewAtOnce},
	{"begin is asked before each switch", beginIsAsked},
	{"a refusal by begin ends the order", beginRefuses},
	{"the plan is what begin is asked", planIsKept},
	{"report is told, and never required", reportIsTold},
	{"a context that has ended changes nothing", endedContext},
	{"a context that ends under way leaves nothing half done", contextEndsUnderWay},
	{"a crash between any two steps is mended by doing it again", crashAnywhere},
	{"a unit out of reach is unknown, and others go on", unreachableUnit},
	{"convergence brings back a unit that drifted", convergenceAfterDrift},
	{"convergence brings along a unit that joined", convergenceAfterJoin},
}

// run does one check on a place of its own.
func (c check) run(tb TB, fresh func(TB) Place) {
	tb.Helper()
	s := &suite{TB: tb, place: fresh(tb), names: map[string]string{}}
	for n := 1; n <= 4; n++ {
		s.names[s.artifact(n).Digest] = fmt.Sprintf("release %d", n)
	}
	s.x.name = s.named
	defer s.x.show(tb)
	s.open()
	c.ask(s)
}
