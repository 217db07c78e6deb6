package pipelinetest

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// Fake is a pipeline.Pipeline that nobody deploys: its status is what the test
// says, its requests are written down. Make one with NewFake. Its methods may be
// called concurrently.
type Fake struct {
	name string

	mu       sync.Mutex
	status   pipeline.Status
	requests []pipeline.Request
	applied  map[string]bool
	next     []error
	down     error
	deploys  []pipeline.Deploy // oldest first
	logs     map[string]string
}

var _ pipeline.Pipeline = (*Fake)(nil)

// NewFake returns a pipeline on which nothing was ever deployed.
func NewFake(name string) *Fake {
	return &Fake{
		name: name, applied: map[string]bool{}, logs: map[string]string{},
		status: pipeline.Status{Name: name, Reason: pipeline.Reason{Code: pipeline.CodeIdle, Sentence: "nothing is newer than what is live"}},
	}
}

// Name implements pipeline.Pipeline.
func (f *Fake) Name() string { return f.name }

// Update changes the status that is told from now on.
func (f *Fake) Update(change func(*pipeline.Status)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(&f.status)
}

// SetLive makes a release live, and the one before it one to go back to.
func (f *Fake) SetLive(id, revision string) {
	f.Update(func(s *pipeline.Status) {
		served := pipeline.Served{
			Release: target.Release{ID: id, Revision: revision, Digest: "digest of " + id},
			Batch:   []string{revision}, At: time.Now(),
		}
		s.Live, s.Served = &served, append(slices.Clone(s.Served), served)
	})
}

// Refuse makes the next request that is new end with an error, most often a
// *pipeline.Refusal. Several calls are for several requests, in order. A nil error
// lets one through.
func (f *Fake) Refuse(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next = append(f.next, err)
}

// Fail makes every method fail with an error, as when the store does not answer;
// nil heals it.
func (f *Fake) Fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = err
}

// End adds a deploy to the history, as its newest one, with its log.
func (f *Fake) End(d pipeline.Deploy, log string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deploys = append(f.deploys, d)
	f.logs[d.ID] = log
}

// Requests lists the requests that were applied, in order, each with its id. Those
// that were refused, or came again, are not among them.
func (f *Fake) Requests() []pipeline.Request {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.requests)
}

// Status implements pipeline.Pipeline. What it returns is the caller's to keep, but
// what it points to is shared.
func (f *Fake) Status(ctx context.Context) (pipeline.Status, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(ctx); err != nil {
		return pipeline.Status{}, err
	}
	s := f.status
	s.At = time.Now()
	return s, nil
}

// trouble is why nothing answers, or nil. The lock is held.
func (f *Fake) trouble(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return f.down
}

// Do implements pipeline.Pipeline. A request without an id gets one: "request-1"
// and so on. One whose id was applied before changes nothing, as in a true
// pipeline. The status stays as the test has set it.
func (f *Fake) Do(ctx context.Context, r pipeline.Request) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, id := identify(r, fmt.Sprintf("request-%d", len(f.requests)+1))
	if err := f.trouble(ctx); err != nil || f.applied[id] {
		return id, err
	}
	if len(f.next) > 0 {
		err := f.next[0]
		f.next = f.next[1:]
		if err != nil {
			return id, err
		}
	}
	f.applied[id] = true
	f.requests = append(f.requests, r)
	return id, nil
}

// identify returns the request with an id, which is fresh if it had none.
func identify(r pipeline.Request, fresh string) (pipeline.Request, string) {
	set := func(a *pipeline.Asked) string {
		if a.ID == "" {
			a.ID = fresh
		}
		return a.ID
	}
	var id string
	switch q := r.(type) {
	case pipeline.PlaceHold:
		id, r = set(&q.Asked), q
	case pipeline.LiftHold:
		id, r = set(&q.Asked), q
	case pipeline.Ship:
		id, r = set(&q.Asked), q
	case pipeline.Rollback:
		id, r = set(&q.Asked), q
	case pipeline.Resume:
		id, r = set(&q.Asked), q
	case pipeline.Abort:
		id, r = set(&q.Asked), q
	case pipeline.Answer:
		id, r = set(&q.Asked), q
	}
	return r, id
}

// Deploys implements pipeline.Pipeline.
func (f *Fake) Deploys(ctx context.Context, before string) iter.Seq2[pipeline.Deploy, error] {
	return func(yield func(pipeline.Deploy, error) bool) {
		f.mu.Lock()
		err, all := f.trouble(ctx), slices.Clone(f.deploys)
		f.mu.Unlock()
		if err != nil {
			yield(pipeline.Deploy{}, err)
			return
		}
		skipping := before != ""
		for _, d := range slices.Backward(all) {
			if !skipping && !yield(d, nil) {
				return
			}
			skipping = skipping && d.ID != before
		}
	}
}

// Log implements pipeline.Pipeline.
func (f *Fake) Log(ctx context.Context, deploy string) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.trouble(ctx); err != nil {
		return nil, err
	}
	log, ok := f.logs[deploy]
	if !ok {
		return nil, fmt.Errorf("open log of %s: %w", deploy, pipeline.ErrNoDeploy)
	}
	return io.NopCloser(strings.NewReader(log)), nil
}
