package target_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// numbered is an order for the n-th artifact; for none if n is zero.
func numbered(number uint64, n int) target.Order {
	o := target.Order{Number: number}
	if n > 0 {
		o.Release.Digest = targettest.Artifact(n).Digest
	}
	return o
}

func TestLaw09_AFenceAdmitsWhatIsHigherAndTheSameOnceMore(t *testing.T) {
	f := target.Fence{Number: 7, Digest: targettest.Artifact(1).Digest}
	for _, c := range []struct {
		o             target.Order
		check, admits bool
	}{
		{numbered(6, 1), false, false},
		{numbered(7, 1), true, true},
		{numbered(7, 2), true, false},
		{numbered(7, 0), true, false},
		{numbered(8, 0), true, true},
		{numbered(8, 2), true, true},
	} {
		if err := f.Check(c.o); !c.check {
			assert.ErrorIs(t, err, target.ErrStale)
		} else {
			assert.NoError(t, err)
		}
		raised, err := f.Raise(c.o)
		if !c.admits {
			assert.ErrorIs(t, err, target.ErrStale)
			assert.Equal(t, f, raised)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, target.Fence{Number: c.o.Number, Digest: c.o.Release.Digest}, raised)
	}
	_, err := target.Fence{}.Raise(numbered(1, 1))
	assert.NoError(t, err)
}

func TestAnOrderAsksAndTellsOnlyWhoIsThere(t *testing.T) {
	var o target.Order
	require.NoError(t, o.Ask(t.Context(), target.Step{}))
	o.Tell(target.Progress{})

	no := errors.New("no")
	var asked target.Step
	var told target.Progress
	o.Begin = func(_ context.Context, s target.Step) error { asked = s; return no }
	o.Report = func(p target.Progress) { told = p }
	require.ErrorIs(t, o.Ask(t.Context(), target.Step{Batch: 2}), no)
	o.Tell(target.Progress{Phase: "switch"})
	assert.Equal(t, 2, asked.Batch)
	assert.Equal(t, "switch", told.Phase)
}

func TestAnOrderIsForItsArtifactOnly(t *testing.T) {
	o := numbered(1, 1)
	require.NoError(t, o.Match(targettest.Artifact(1)))
	require.ErrorContains(t, o.Match(targettest.Artifact(2)), "the order is for "+o.Release.Digest)
	require.Error(t, o.Match(nil))
	require.Error(t, target.Order{}.Match(&build.Artifact{}))
}
