package filelock

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/muster-deploy/muster/lock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// told is what a user of the store knew after that many steps: the least that must
// be on the disk from then on, and what was being written.
type told struct {
	steps         int
	least, writes uint64
}

// history lets a store write, lets one writer die between its rename and its sync,
// and lets another store read; it returns the journal and what was known when.
func history(forget func(step) bool) ([]step, []told) {
	d := newDisk(nil)
	d.forget = forget
	known := []told{{0, 0, 1}}
	s := newStore(d)
	version := lock.Version("")
	swap := func(i uint64) {
		v, err := s.Swap(context.Background(), "key", version, content(i))
		if err != nil {
			panic(err)
		}
		version = v
		known = append(known, told{len(d.journal), i, i + 1})
	}
	swap(1)
	swap(2)
	cut := len(d.journal) // What the third writer did, but for its last step.
	swap(3)
	for last := len(d.journal) - 1; last >= cut && d.journal[last].verb == doSyncDir; last-- {
		d.journal = d.journal[:last]
	}
	known = known[:len(known)-1]
	s = newStore(d)
	if _, _, err := s.Load(context.Background(), "key"); err != nil {
		panic(err)
	}
	known = append(known, told{len(d.journal), 3, 4})
	swap(4)
	return d.journal, known
}

func content(i uint64) []byte { return fmt.Appendf(nil, "document %d", i) }

// checkPowerCuts cuts the power after every step of a history, in every way.
func checkPowerCuts(forget func(step) bool) (cuts int, err error) {
	journal, known := history(forget)
	for n := range len(journal) + 1 {
		now := known[0]
		for _, k := range known {
			if k.steps <= n {
				now = k
			}
		}
		for disk := range powerCuts(journal, n) {
			cuts++
			if err := checkDisk(disk, now); err != nil {
				return cuts, fmt.Errorf("power cut after step %d, which left %q: %w", n, disk, err)
			}
		}
	}
	return cuts, nil
}

// checkDisk opens what a power cut has left.
func checkDisk(found map[string][]byte, now told) error {
	s := newStore(newDisk(found))
	data, v, err := s.Load(context.Background(), "key")
	if errors.Is(err, lock.ErrNotFound) && now.least == 0 {
		v, err = "", nil
	} else if err == nil && string(data) != string(content(now.least)) && string(data) != string(content(now.writes)) {
		return fmt.Errorf("found %q, want document %d or %d", data, now.least, now.writes)
	}
	if err != nil {
		return err
	}
	if _, err := s.Swap(context.Background(), "key", v, []byte("next")); err != nil {
		return fmt.Errorf("write again: %w", err)
	}
	return nil
}

func TestAPowerCutAtAnyStepLeavesTheOldOrTheNewDocument(t *testing.T) {
	cuts, err := checkPowerCuts(nil)
	require.NoError(t, err)
	assert.Greater(t, cuts, 50)
	t.Logf("%d power cuts", cuts)
}

func TestTheReplayOfPowerCutsFindsAStoreThatForgetsToSync(t *testing.T) {
	for _, forgotten := range []verb{doSync, doSyncDir} {
		_, err := checkPowerCuts(func(s step) bool { return s.verb == forgotten })
		t.Log(err)
		assert.Error(t, err, forgotten)
	}
}

func TestTheReplayOfPowerCutsFindsAReaderThatTellsTooEarly(t *testing.T) {
	syncs := 0
	_, err := checkPowerCuts(func(s step) bool {
		if s.verb == doSyncDir {
			syncs++
		}
		return s.verb == doSyncDir && syncs == 4 // those of three writes, then the reader's
	})
	t.Log(err)
	assert.Error(t, err)
}

func TestAFullDiskLeavesTheOldDocumentAndNoLitter(t *testing.T) {
	for left := range 4 { // create, write, sync, rename
		d := newDisk(nil)
		s := newStore(d)
		v, err := s.Swap(t.Context(), "key", "", []byte("old"))
		require.NoError(t, err)

		s.files = &fullDisk{files: d, left: left}
		_, err = s.Swap(t.Context(), "key", v, make([]byte, 1000))
		assert.ErrorIs(t, err, errDiskFull)
		assert.ErrorContains(t, err, "write document key")

		s.files = d
		data, still, err := s.Load(t.Context(), "key")
		require.NoError(t, err)
		assert.Equal(t, "old", string(data))
		assert.Equal(t, v, still)
		if left < 3 {
			assert.Len(t, d.names, 1, "nothing but the document")
		}
		_, err = s.Swap(t.Context(), "key", v, []byte("new"))
		assert.NoError(t, err, "once there is space again")
	}
}
