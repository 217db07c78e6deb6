package selfdeploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// shop has the artifacts of a deployer's changes, by the number of each.
type shop struct {
	row  []*build.Artifact
	down atomic.Bool // the repository
}

func (s *shop) Changes(context.Context, string) (all []pipeline.Change, err error) {
	if s.down.Load() {
		return nil, errors.New("the repository is down")
	}
	for n := range s.row {
		all = append(all, pipeline.Change{Revision: fmt.Sprintf("%040x", n)})
	}
	slices.Reverse(all)
	return all, nil
}

func (s *shop) IsAncestor(_ context.Context, a, b string) (bool, error) { return a <= b, nil }

func (s *shop) Artifact(_ context.Context, revision string, _ io.Writer) (*build.Artifact, error) {
	for n, a := range s.row {
		if fmt.Sprintf("%040x", n) == revision {
			return a, nil
		}
	}
	return nil, errors.New("no such change")
}

func (s *shop) Open(_ context.Context, digest string) (*build.Artifact, error) {
	for _, a := range s.row {
		if a.Digest == digest {
			return a, nil
		}
	}
	return nil, errors.New("no such artifact")
}

// outage is a store that can be out of reach.
type outage struct {
	lock.Store
	down atomic.Bool
}

func (o *outage) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if o.down.Load() {
		return nil, "", errors.New("the store is down")
	}
	return o.Store.Load(ctx, key)
}

var older = buildtest.Artifact(map[string]string{"deployer*": "0"})

// newGuard is the guard of a release that is on its way to its host, where the older one
// is live. It never passes its stage's check.
func newGuard(t *testing.T) (*guard, *shop, *outage) {
	t.Helper()
	d, err := New(Config{Artifact: release.Digest, Dir: t.TempDir()})
	require.NoError(t, err)
	row, store := &shop{row: []*build.Artifact{older}}, &outage{Store: &lock.Memory{}}
	waits := pipeline.Check{Name: "able", Run: func(_ context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
		if s.Release.Digest == older.Digest {
			return pipeline.Good, ""
		}
		return pipeline.CannotTell, "it has not renewed its lease"
	}}
	pipe := func(name string) *pipeline.Engine {
		e, err := pipeline.New(pipeline.Config{
			Name: name, Source: row, CI: ci.Always(pipeline.Passed), Builds: row,
			Stages: []pipeline.Stage{{
				Name: "hosts", Verify: []pipeline.Check{waits}, Targets: []target.Target{targettest.NewMemory("hosts", "a")},
			}},
			Store: store, Logs: &build.MemoryStore{},
		})
		require.NoError(t, err)
		require.NoError(t, e.Settle(t.Context()))
		return e
	}
	engine, app := pipe("deployer"), pipe("app")
	row.row = append(row.row, release)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, engine.Run(ctx))
	return &guard{
		Deployer: d, self: engine, engines: []*pipeline.Engine{engine, app}, mine: older.Digest,
		judge: judge{Config: d.c, began: time.Now(), well: time.Now()},
	}, row, store
}

func TestAGuardKnowsItsPartFromTheRecord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, store := newGuard(t)
		assert.Equal(t, unproven, g.role(t.Context()), "on its way")
		store.down.Store(true)
		assert.Equal(t, unproven, g.role(t.Context()), "what cannot be read is not proven")
		store.down.Store(false)

		require.True(t, g.condemn(t.Context(), "it panics"))
		assert.Equal(t, unwanted, g.role(t.Context()), "rolled back, and this guard's own release is live")
		g.mine = "sha256:another"
		assert.Equal(t, settled, g.role(t.Context()), "another guard has no say")
	})
}

func TestWhoIsCondemnedIsRolledBackInTheRecordFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, store := newGuard(t)
		require.Equal(t, unproven, g.role(t.Context()))
		store.down.Store(true)
		require.False(t, g.condemn(t.Context(), "it panics"), "nobody takes over from what is not rolled back")
		store.down.Store(false)
		require.True(t, g.condemn(t.Context(), "it panics"))
		st, err := g.self.Recorded().Status(t.Context())
		require.NoError(t, err)
		require.NotNil(t, st.Stop)
		assert.Contains(t, st.Stop.Reason, "it panics")
		assert.Equal(t, older.Digest, st.Live.Digest)
	})
}

func TestAGuardCondemnsItsOwnReleaseOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, _, _ := newGuard(t)
		require.Equal(t, unproven, g.role(t.Context()))
		g.c.Artifact = "sha256:one before"
		require.True(t, g.condemn(t.Context(), "it panics"), "it is gone already")
		st, err := g.self.Recorded().Status(t.Context())
		require.NoError(t, err)
		assert.Nil(t, st.Stop, "a newer one is on its way")
	})
}

func TestAGuardThatCannotPlanEitherBlamesNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, row, _ := newGuard(t)
		wait := func(d time.Duration) (why string) {
			for end := time.Now().Add(d); why == "" && time.Now().Before(end); time.Sleep(5 * time.Second) {
				why = g.verdict(t.Context())
			}
			return why
		}
		row.down.Store(true)
		require.Empty(t, wait(2*DefaultPatience))
		row.down.Store(false)
		require.Contains(t, wait(2*DefaultPatience), "it does not run")
	})
}
