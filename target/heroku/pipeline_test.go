package heroku_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
)

// branch is changes that have all passed, oldest first, and what a deployer keeps.
type branch struct {
	revisions []string
	builds    buildtest.Builds
	store     lock.Memory
	logs      build.MemoryStore
}

// commit adds a change that builds the n-th app.
func (b *branch) commit(n int) {
	revision := fmt.Sprintf("%07x%033x", n, n)
	b.revisions = append(b.revisions, revision)
	b.builds.Set(revision, buildtest.Script{Files: migrating(fmt.Sprint(n))})
}

func (b *branch) Changes(_ context.Context, to string) ([]pipeline.Change, error) {
	var changes []pipeline.Change
	for _, r := range slices.Backward(b.revisions) {
		changes = append(changes, pipeline.Change{Revision: r})
		if r == to {
			break
		}
	}
	return changes, nil
}

func (b *branch) IsAncestor(_ context.Context, old, fresh string) (bool, error) {
	return slices.Index(b.revisions, old) <= slices.Index(b.revisions, fresh), nil
}

func (b *branch) Verdicts(_ context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	verdicts := map[string]pipeline.Verdict{}
	for _, r := range revisions {
		verdicts[r] = pipeline.Passed
	}
	return verdicts, nil
}

// mortal is a store that is out of reach for a deployer that is dead.
type mortal struct {
	lock.Store
	p *place
}

func (m mortal) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if m.p.left.Load() < 0 {
		return nil, "", errDead
	}
	return m.Store.Load(ctx, key)
}

func (m mortal) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if m.p.left.Load() < 0 {
		return "", errDead
	}
	return m.Store.Swap(ctx, key, old, data)
}

// deployer is an engine that ships the branch to the place.
func (b *branch) deployer(t *testing.T, p *place) *pipeline.Engine {
	t.Helper()
	e, err := pipeline.New(pipeline.Config{
		Name: "shop", Source: b, CI: b, Builds: &b.builds, Store: mortal{&b.store, p}, Logs: &b.logs,
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{p.open(t)}}},
	})
	require.NoError(t, err)
	return e
}

func (b *branch) status(t *testing.T) pipeline.Status {
	t.Helper()
	s, err := pipeline.Open(&b.store, &b.logs, "shop").Status(t.Context())
	require.NoError(t, err)
	return s
}

func TestAPipelineShipsToHerokuAndGoesBackFromWhatCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, b := slow(), &branch{}
		b.commit(1)
		require.NoError(t, b.deployer(t, p).Settle(t.Context()))
		s := b.status(t)
		require.NotNil(t, s.Live)
		assert.Equal(t, b.revisions[0], s.Live.Revision)
		assert.True(t, s.Observed["shop"].BestEffort, "status shows that it cannot fence for certain")

		p.booting(4, herokutest.Crashed)
		b.commit(2)
		require.NoError(t, b.deployer(t, p).Settle(t.Context()))
		s = b.status(t)
		require.NotNil(t, s.Stop, "automation is off")
		assert.Contains(t, s.Stop.Reason, "web.1 of v4 has crashed")
		u := unit(t, p.open(t))
		assert.Equal(t, s.Live.Digest, u.Digest)
		assert.Equal(t, target.Serving, u.Condition)
		assert.Equal(t, b.revisions[0], s.Live.Revision)
		assert.Equal(t, 5, p.shop.Current().Version, "it was put back once")
	})
}

// The deployer dies after so many requests to Heroku, with all that it has in memory.
func TestLaw10_AnotherDeployerFinishesWhateverRequestWasTheLast(t *testing.T) {
	for last := range 40 {
		synctest.Test(t, func(t *testing.T) {
			p, b := slow(), &branch{}
			b.commit(1)
			require.NoError(t, b.deployer(t, p).Settle(t.Context()))
			b.commit(2)
			revive := p.CrashAfter(last)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			_ = b.deployer(t, p).Settle(ctx) // whatever it says, it is not there any more
			cancel()
			revive()
			time.Sleep(time.Minute)
			require.NoError(t, b.deployer(t, p).Settle(t.Context()))
			s := b.status(t)
			assert.Nil(t, s.Open, "after %d requests", last)
			u := unit(t, p.open(t))
			assert.Equal(t, target.Serving, u.Condition, "after %d requests: %s", last, u.Problem)
			require.NotNil(t, s.Live)
			assert.Equal(t, s.Live.Digest, u.Digest, "after %d requests", last)
			assert.Nil(t, s.Stop, "after %d requests", last)
			assert.Equal(t, b.revisions[1], s.Live.Revision, "after %d requests", last)
			assert.LessOrEqual(t, len(p.shop.Slugs()), 3, "after %d requests", last)
		})
	}
}
