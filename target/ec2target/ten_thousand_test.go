//go:build !race

package ec2target_test

import (
	"context"
	"flag"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// fleets is how many fleets of ten thousand are drawn, one seed each. One takes some ten
// seconds of a processor.
var fleets = flag.Uint64("fleets", 1, "how many fleets of ten thousand to roll, by seeds from 1")

// Under the race detector it would take minutes: the same is done with a thousand there.
func TestTenThousandInstancesTakeHardlyLongerThanTheIdeal(t *testing.T) {
	for seed := range *fleets {
		m := newModel(seed + 1)
		synctest.Test(t, func(t *testing.T) { rollTenThousand(t, seed+1, m) })
	}
}

// rollTenThousand does what ec2target does by default, but for what a fleet has to say for
// itself: batches of 2%, 90% in service, 64 hosts that fetch at once.
//
// What is above the ideal is, in virtual time: of some 25 s in Prepare 3 for its first
// commands, 7 until it is seen that a command has ended and another one may be sent, and
// the rest until the last hosts have ended, of which none can be split; of 65 s in Activate
// 1 for the canary, 35 to fill commands, 24 until the end of a run is asked for, and 6 for
// the last hosts. To read all hosts takes SSM 17 s at least. Prepare does that at its end.
func rollTenThousand(t *testing.T, seed uint64, m *model) {
	idealPrepare, idealRoll := m.ideal()
	r := newRig(t, m, nil)
	start := time.Now()
	require.NoError(t, r.web.Prepare(t.Context(), r.order(1, 1, target.Forward), targettest.Artifact(1)))
	prepared := time.Since(start)
	var begun []time.Duration // surveyed, then the canary has passed
	o := r.order(2, 1, target.Forward)
	o.Begin = func(context.Context, target.Step) error {
		begun = append(begun, time.Since(start)-prepared)
		return nil
	}
	require.NoError(t, r.web.Activate(t.Context(), o))
	rolled := time.Since(start) - prepared
	assert.Equal(t, len(m.hosts), r.live(1))
	made := float64(prepared+rolled) / float64(idealPrepare+idealRoll)
	t.Logf("seed %d: prepare %v (ideal %v); activate %v (ideal %v): surveyed after %v, canary passed after %v", seed,
		prepared, idealPrepare, rolled, idealRoll, begun[0], begun[1])
	t.Logf("seed %d: all in all %.4f of the ideal, %d calls: %v", seed, made, r.calls(), r.tally)
	assert.LessOrEqual(t, made, 1.05, "makespan")
	assert.Less(t, r.calls(), len(m.hosts)/50*12, "calls")
	time.Sleep(time.Minute)
}
