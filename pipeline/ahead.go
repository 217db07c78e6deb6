package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/muster-deploy/muster/build"
)

// ahead builds changes before they may be deployed: the newest pending one and the
// newest that passed, no more. The open deploy's build is one of them.
type ahead struct {
	e   *Engine
	ctx context.Context

	mu    sync.Mutex
	tasks map[string]*buildTask
	wait  sync.WaitGroup
}

// buildTask is one build. Artifact and err may be read once done is closed.
type buildTask struct {
	done     chan struct{}
	artifact *build.Artifact
	err      error
	log      deployLog
	cancel   context.CancelFunc
}

// finished reports whether the build has ended well.
func (t *buildTask) finished() bool {
	if t == nil {
		return false
	}
	select {
	case <-t.done:
		return t.err == nil
	default:
		return false
	}
}

// keep builds these revisions, and cancels and forgets all others.
func (a *ahead) keep(revisions ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for revision, t := range a.tasks {
		if !slices.Contains(revisions, revision) {
			t.cancel()
			delete(a.tasks, revision)
		}
	}
	for _, revision := range revisions {
		if revision != "" && a.tasks[revision] == nil {
			a.start(revision)
		}
	}
}

// get returns the build of a revision, begun now if it was not before.
func (a *ahead) get(revision string) *buildTask {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tasks[revision] == nil {
		a.start(revision)
	}
	return a.tasks[revision]
}

// ready returns a revision's build if there is one.
func (a *ahead) ready(revision string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tasks[revision].finished()
}

// forget lets a revision be built again.
func (a *ahead) forget(revision string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.tasks, revision)
}

func (a *ahead) start(revision string) {
	ctx, cancel := context.WithCancel(a.ctx)
	t := &buildTask{done: make(chan struct{}), cancel: cancel}
	if a.tasks == nil {
		a.tasks = map[string]*buildTask{}
	}
	a.tasks[revision] = t
	a.e.tell(Event{Kind: EventBuilding, Message: "building " + short(revision)})
	a.wait.Go(func() {
		defer cancel()
		t.artifact, t.err = a.e.c.Builds.Artifact(ctx, revision, &t.log)
		if t.err == nil && t.artifact == nil {
			t.err = errors.New("the builder returned no artifact")
		}
		close(t.done)
		a.e.news.raise()
	})
}

// end cancels all builds and waits for them.
func (a *ahead) end() {
	a.keep()
	a.wait.Wait()
}
