package ci

import (
	"context"
	"sync"

	"github.com/muster-deploy/muster/pipeline"
)

// Manual is a pipeline.CI that says what it was told: for tests and demonstrations.
// Its zero value has judged nothing. Its methods may be called concurrently.
type Manual struct {
	mu       sync.Mutex
	verdicts map[string]pipeline.Verdict
	notify   []func()
}

// Set says what became of a revision.
func (m *Manual) Set(revision string, v pipeline.Verdict) {
	m.mu.Lock()
	if m.verdicts == nil {
		m.verdicts = map[string]pipeline.Verdict{}
	}
	m.verdicts[revision] = v
	notify := m.notify
	m.mu.Unlock()
	for _, f := range notify {
		f()
	}
}

// Notify implements pipeline.Notifier: the function is called after each Set.
func (m *Manual) Notify(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notify = append(m.notify, f)
}

// Verdicts implements pipeline.CI.
func (m *Manual) Verdicts(_ context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	verdicts := make(map[string]pipeline.Verdict, len(revisions))
	for _, revision := range revisions {
		if v := m.verdicts[revision]; v != pipeline.Pending {
			verdicts[revision] = v
		}
	}
	return verdicts, nil
}
