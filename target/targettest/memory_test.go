package targettest

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
)

// give makes an order for the n-th artifact.
func give(number uint64, n int, why target.Intent) target.Order {
	return target.Order{Number: number, Intent: why, Release: target.Release{Digest: Artifact(n).Digest}}
}

func shipped(t *testing.T, units ...string) *Memory {
	m := NewMemory("web", units...)
	for n := 1; n <= 2; n++ {
		require.NoError(t, m.Prepare(t.Context(), give(1, n, target.Forward), Artifact(n)))
	}
	require.NoError(t, m.Activate(t.Context(), give(1, 1, target.Forward)))
	return m
}

func TestLaw09_AUnitRefusesALowerOrderAlsoBetweenTheCheckAndTheSwitch(t *testing.T) {
	m := shipped(t, "a")
	m.Hook = func(ctx context.Context, p Point) error {
		if p.Phase == Switch { // the old deployer is paused here, while a successor fences
			m.Hook = nil
			_, err := m.Observe(ctx, target.Order{Number: 9})
			return err
		}
		return nil
	}
	require.ErrorIs(t, m.Activate(t.Context(), give(2, 2, target.Forward)), target.ErrStale)
	require.ErrorIs(t, m.Deliver(t.Context(), "a", give(2, 2, target.Forward)), target.ErrStale)
	assert.Len(t, m.History(), 1)
}

func TestAUnitThatFailsPutsBackWhatItServed(t *testing.T) {
	m := shipped(t, "a", "b")
	m.Hook = func(_ context.Context, p Point) error {
		if p.Phase == Confirm && p.Unit == "b" {
			return errors.New("answers 500")
		}
		return nil
	}
	var unit *target.UnitError
	require.ErrorAs(t, m.Activate(t.Context(), give(2, 2, target.Forward)), &unit)
	assert.Equal(t, "b", unit.Unit)
	s, err := m.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, Artifact(2).Digest, s.Units[0].Digest)
	assert.Equal(t, Artifact(1).Digest, s.Units[1].Digest)
	assert.Equal(t, target.Serving, s.Units[1].Condition)
	assert.True(t, m.History()[4].Back)
}

func TestALostAnswerLeavesTheUnitSwitched(t *testing.T) {
	m := shipped(t, "a")
	m.Hook = func(_ context.Context, p Point) error {
		if p.Phase == Switch {
			return ErrLost
		}
		return nil
	}
	require.ErrorIs(t, m.Activate(t.Context(), give(2, 2, target.Forward)), ErrLost)
	s, err := m.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, Artifact(2).Digest, s.Units[0].Digest)
	assert.Equal(t, target.Serving, s.Units[0].Condition)
}

func TestThePointerNamesDeclaredReleasesOnly(t *testing.T) {
	m := shipped(t, "a")
	digest, number := m.Pointer()
	assert.Empty(t, digest)
	assert.Zero(t, number)
	require.NoError(t, m.Activate(t.Context(), give(2, 1, target.Again)))
	require.NoError(t, m.Activate(t.Context(), give(3, 2, target.Forward)))
	digest, number = m.Pointer()
	assert.Equal(t, Artifact(1).Digest, digest)
	assert.EqualValues(t, 2, number)
	require.NoError(t, m.Activate(t.Context(), give(4, 1, target.Backward)))
	require.ErrorIs(t, m.Activate(t.Context(), give(3, 2, target.Again)), target.ErrStale)
}

func TestABootingUnitReadsThePointerAgainBeforeItServes(t *testing.T) {
	m := shipped(t, "a")
	require.NoError(t, m.Activate(t.Context(), give(2, 2, target.Again)))
	m.Hook = func(ctx context.Context, p Point) error {
		if p.Phase == Boot { // a rollback comes after the first read, and does not see the unit
			m.Hook = nil
			return m.Activate(ctx, give(3, 1, target.Backward))
		}
		return nil
	}
	require.NoError(t, m.Boot(t.Context(), "b"))
	s, err := m.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	require.Len(t, s.Units, 2)
	assert.Equal(t, Artifact(1).Digest, s.Units[1].Digest)
}

func TestAHookMaySleepInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := shipped(t, "a", "b")
		m.Hook = func(_ context.Context, p Point) error {
			if p.Phase == Switch {
				time.Sleep(time.Minute)
			}
			return nil
		}
		start := time.Now()
		require.NoError(t, m.Activate(t.Context(), give(2, 2, target.Forward)))
		assert.Equal(t, 2*time.Minute, time.Since(start))
		assert.Equal(t, start.Add(2*time.Minute), m.History()[3].At)
	})
}

func TestLaw09_AUnitThatWasOvertakenDoesNotPutBack(t *testing.T) {
	m := shipped(t, "a")
	m.Hook = func(ctx context.Context, p Point) error {
		if p.Phase != Confirm {
			return nil
		}
		m.Hook = nil
		if _, err := m.Observe(ctx, target.Order{Number: 9}); err != nil {
			return err
		}
		return errors.New("answers 500")
	}
	require.Error(t, m.Activate(t.Context(), give(2, 2, target.Forward)))
	assert.Len(t, m.History(), 2, "what to do about it is the successor's")
}
