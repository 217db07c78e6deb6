package pipeline

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
)

// fileOne ends a deploy and moves it into the history, as a deployer does; dying
// between the two writes, it does it again.
func fileOne(t *testing.T, d desk, id string, dies bool) {
	t.Helper()
	ctx := context.Background()
	r, err := d.swap(ctx, func(r *Record) error {
		r.Ended = append(r.Ended, Deploy{ID: id, End: Live})
		return nil
	})
	require.NoError(t, err)
	ids, page, err := d.file(ctx, r)
	if dies {
		ids, page, err = d.file(ctx, r)
	}
	require.NoError(t, err)
	_, err = d.swap(ctx, func(r *Record) error { r.filed(ids, page); return nil })
	require.NoError(t, err)
}

func TestTheHistoryOfHundredsOfDeploysIsReadNewestFirstFromAnyOn(t *testing.T) {
	d := desk{store: &lock.Memory{}, name: "web"}
	require.NoError(t, d.create(t.Context()))
	var want []string
	for n := range 2*pageSize + 30 {
		id := fmt.Sprint(n + 1)
		fileOne(t, d, id, n%7 == 0)
		want = append(want, id)
	}
	slices.Reverse(want)
	read := func(before string) (all []string) {
		for e, err := range d.Deploys(t.Context(), before) {
			require.NoError(t, err)
			all = append(all, e.ID)
		}
		return all
	}
	assert.Equal(t, want, read(""))
	for _, at := range []int{0, 28, 29, 30, 31, 129, 130, 131, len(want) - 1} {
		assert.Equal(t, want[at+1:], append([]string{}, read(want[at])...), "before %s", want[at])
	}
	r, _, err := d.load(t.Context())
	require.NoError(t, err)
	assert.Empty(t, r.Ended)
	assert.Equal(t, 2, r.Page)
}
