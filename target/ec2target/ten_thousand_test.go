//go:build !race

package ec2target_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// Under the race detector it would take minutes: the same is done with a thousand there.
func TestTenThousandInstancesTakeHardlyLongerThanTheIdeal(t *testing.T) {
	const seed = 1
	m := newModel(seed)
	idealPrepare, idealRoll := m.ideal()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, m, schedule)
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
		t.Logf("all in all %.3f of the ideal, %d calls: %v", made, r.calls(), r.tally)
		// What is left above 1.05 is the survey of the whole fleet before anything is touched
		// (as fast as SSM takes commands), and a second for each turn: to fill a command, and
		// to be told of its end, which is had only by asking.
		assert.LessOrEqual(t, made, 1.065, "makespan")
		assert.Less(t, r.calls(), len(m.hosts)/50*12, "calls")
		time.Sleep(time.Minute)
	})
}
