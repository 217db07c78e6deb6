package pipeline_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// declaring is a target that says how surely it fences, behind a decorator.
type declaring struct {
	target.Target
	fencing target.Fencing
}

func (d declaring) Fencing() target.Fencing { return d.fencing }

type behind struct{ target.Target }

func (b behind) Unwrap() target.Target { return b.Target }

func TestLaw09_StatusShowsATargetThatCannotFenceForCertain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a")
		w.commit(pipeline.Passed)
		c := w.config()
		c.Stages = []pipeline.Stage{{Name: "production", Targets: []target.Target{
			targettest.NewMemory("certain", "a"),
			behind{declaring{targettest.NewMemory("mostly", "a"), target.BestEffort}},
			declaring{targettest.NewMemory("hardly", "a"), target.LastSwitch},
		}}}
		e, err := pipeline.New(c)
		require.NoError(t, err)
		require.NoError(t, e.Settle(t.Context()))
		seen := status(t, w.outside()).Observed
		require.Len(t, seen, 3)
		assert.False(t, seen["certain"].BestEffort)
		assert.True(t, seen["mostly"].BestEffort)
		assert.True(t, seen["hardly"].BestEffort)
	})
}
