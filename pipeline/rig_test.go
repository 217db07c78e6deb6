package pipeline_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

var errDead = errors.New("this deployer is dead")

// mortal is a deployer's connection to its store: it dies at a swap, before the
// write or after it, and with it all that the deployer could still say.
type mortal struct {
	lock.Store
	mu      sync.Mutex
	left    int  // swaps until death; negative: it lives
	written bool // the last swap is written, and its answer is lost
	dead    bool
}

func (m *mortal) kill() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dead = true
}

func (m *mortal) isDead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dead
}

func (m *mortal) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if m.isDead() {
		return nil, "", errDead
	}
	return m.Store.Load(ctx, key)
}

func (m *mortal) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.dead {
		return "", errDead
	}
	if m.left--; m.left != 0 {
		return m.Store.Swap(ctx, key, old, data)
	}
	m.dead = true
	if m.written {
		_, _ = m.Store.Swap(ctx, key, old, data)
	}
	return "", errDead
}

// dies runs an engine on a mortal store; the returned function ends what is left of it.
func dies(t *testing.T, c pipeline.Config, m *mortal) func() {
	t.Helper()
	c.Store, c.Holder = m, "the dead"
	e, err := pipeline.New(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { _ = e.Run(ctx); close(done) }()
	return func() {
		cancel()
		<-done
	}
}

// serving returns the digest that all units serve, or says that they do not agree.
func serving(t *testing.T, tg target.Target) map[string]int {
	t.Helper()
	s, err := tg.Observe(context.Background(), target.Order{})
	require.NoError(t, err)
	found := map[string]int{}
	for _, u := range s.Units {
		if u.Condition == target.Serving {
			found[u.Digest]++
		} else {
			found[string(u.Condition)]++
		}
	}
	return found
}

// do asks a pipeline for something.
func do(t *testing.T, p pipeline.Pipeline, q pipeline.Request) string {
	t.Helper()
	id, err := p.Do(context.Background(), q)
	require.NoError(t, err)
	return id
}

// ann asks for something, with a reason.
var ann = pipeline.Asked{By: "ann", Reason: "errors"}

// ended returns the history by id, and complains of an id that is in it twice.
func ended(t *testing.T, p pipeline.Pipeline) map[string]pipeline.Deploy {
	t.Helper()
	all := map[string]pipeline.Deploy{}
	for d, err := range p.Deploys(context.Background(), "") {
		require.NoError(t, err)
		require.NotContains(t, all, d.ID, "it ended twice")
		all[d.ID] = d
	}
	return all
}

// onHook calls f once, when the hook is asked about a phase of a unit.
func onHook(f func()) func() { return sync.OnceFunc(f) }

// outside is the pipeline as a bot sees it.
func (w *world) outside() pipeline.Pipeline { return pipeline.Open(w.store, w.logs, "web") }

// minute is long enough for everything that needs no person.
const minute = time.Minute
