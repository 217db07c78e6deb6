package s3target_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

// A deployer that is overtaken in the midst of a switch writes no further page, and
// its successor finishes.
func TestAnOvertakenSwitchStops(t *testing.T) {
	r := open(t, s3target.Config{})
	r.ship(numbered(1))
	a := numbered(2)
	require.NoError(t, r.Prepare(t.Context(), r.order(a), a))
	late, fence := r.order(a), r.order(a)
	var once sync.Once
	r.bucket.Break(func(c s3test.Call) (f s3test.Fault) {
		if c.Operation == "CopyObject" && c.Key == "robots.txt" {
			once.Do(func() {
				_, err := r.Observe(t.Context(), fence)
				assert.NoError(t, err)
			})
		}
		return f
	})
	assert.ErrorIs(t, r.Activate(t.Context(), late), target.ErrStale)
	_, page := r.get("index.html")
	assert.Contains(t, page, "00000001")
	state, err := r.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, target.Unhealthy, state.Units[0].Condition)
	require.NoError(t, r.Activate(t.Context(), r.order(a)))
	_, page = r.get("index.html")
	assert.Contains(t, page, "00000002")
}
