package pipeline_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// hiccup is a store that cannot read records until some time.
type hiccup struct {
	lock.Store
	until time.Time
}

func (h hiccup) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if strings.HasSuffix(key, "/record") && time.Now().Before(h.until) {
		return nil, "", errors.New("the store has a moment")
	}
	return h.Store.Load(ctx, key)
}

func TestAStoreThatFailsWhileTheRecordIsClaimedEndsNoDeployer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a", "b")
		w.commit(pipeline.Passed)
		c := w.config()
		c.Store = hiccup{w.store, time.Now().Add(10 * time.Second)}
		e, err := pipeline.New(c)
		require.NoError(t, err)
		require.NoError(t, e.Settle(t.Context()))
		st, err := e.Status(t.Context())
		require.NoError(t, err)
		require.NotNil(t, st.Live)
	})
}
