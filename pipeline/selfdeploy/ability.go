package selfdeploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// ability is what a deployer's process has shown since it started. The zero value
// has shown nothing.
type ability struct {
	every time.Duration

	mu    sync.Mutex
	seen  map[string]*seen // by the pipeline's name
	since time.Time        // when it was able last; at first, when it began to look
}

// seen is what was seen of one pipeline.
type seen struct {
	nonce   string        // of the grant that was looked at last
	renewed uint64        // how often that was renewed when it was first seen
	alive   time.Time     // when it, or one before it, was last seen to be renewed
	proven  bool          // it itself was
	lasts   time.Duration // its duration
	fresh   bool          // there is no record yet: who stands by waits for the first deployer
	planned time.Time
	problem string
}

// look looks at all pipelines again and again, until ctx ends.
func (a *ability) look(ctx context.Context, engines []*pipeline.Engine) {
	a.mu.Lock()
	a.since = time.Now()
	for _, e := range engines {
		a.seen[e.Name()] = &seen{problem: "it has just started"}
	}
	a.mu.Unlock()
	var all sync.WaitGroup
	for _, e := range engines {
		all.Go(func() {
			for ctx.Err() == nil {
				a.lookAt(ctx, e)
				pause(ctx, a.every)
			}
		})
	}
	all.Wait()
}

// lookAt plans one pipeline and looks whether its lease is renewed.
func (a *ability) lookAt(ctx context.Context, e *pipeline.Engine) {
	limited, cancel := context.WithTimeout(ctx, max(4*a.every, time.Second))
	defer cancel()
	st, err := e.Recorded().Status(limited)
	a.note(e.Name(), func(s *seen, now time.Time) { s.grant(st, err, now) })
	problem := plan(limited, e)
	a.note(e.Name(), func(s *seen, now time.Time) {
		if s.problem = problem; problem == "" {
			s.planned = now
		}
	})
	if a.unable(true) == "" {
		a.mu.Lock()
		a.since = time.Now()
		a.mu.Unlock()
	}
}

// plan plans a pipeline and says why that was not possible, or nothing.
func plan(ctx context.Context, e *pipeline.Engine) string {
	p, err := e.Plan(ctx)
	switch {
	case err != nil:
		return err.Error()
	case p.Reason.Code == pipeline.CodeUnreachable:
		return p.Reason.Sentence
	}
	return ""
}

// note changes what is known of one pipeline.
func (a *ability) note(name string, change func(*seen, time.Time)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(a.seen[name], time.Now())
}

// grant notes whose the lease is. Only a grant that was seen to be renewed is alive: a
// holder that was killed leaves one behind, too.
func (s *seen) grant(st pipeline.Status, err error, now time.Time) {
	s.fresh = errors.Is(err, pipeline.ErrNoPipeline)
	g := st.Deployer
	switch {
	case g == nil:
		return
	case g.Nonce != s.nonce:
		s.nonce, s.renewed, s.lasts, s.proven = g.Nonce, g.Renewed, g.Duration, false
	case g.Renewed > s.renewed:
		s.renewed, s.alive, s.proven = g.Renewed, now, true
	}
}

// unable says why this process could not deploy, or nothing. Strict asks whether it
// plans every pipeline now; else it is enough that it has planned each one since it
// started: while a source is down no deployer has to be restarted.
func (a *ability) unable(strict bool) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.seen) == 0 {
		return "it has just started"
	}
	now := time.Now()
	alive := false
	for name, s := range a.seen {
		renewed := now.Sub(s.alive) <= 2*s.lasts+2*a.every
		alive = alive || renewed
		switch {
		case s.planned.IsZero() || strict && now.Sub(s.planned) > 8*a.every+time.Second:
			return fmt.Sprintf("%s is not planned: %s", name, s.problem)
		case !s.fresh && !renewed:
			return fmt.Sprintf("nobody is seen to renew the lease of %s", name)
		}
	}
	if !alive {
		return "nobody is seen to renew a lease"
	}
	return ""
}

// unproven says which lease was not renewed since it was granted, or nothing. Who
// asks holds the lease.
func (a *ability) unproven() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, s := range a.seen {
		if !s.proven {
			return "it has yet to renew the lease of " + name
		}
	}
	return ""
}

// unableFor is since when it could not deploy: at most since it began to look.
func (a *ability) unableFor() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return time.Since(a.since)
}

// ServeHTTP answers the host's health check: 200 and the release's digest once this
// process has planned every pipeline and seen each lease renewed, by itself or, while
// it stands by, by another; else 503 and why not.
func (d *Deployer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Muster-Artifact", d.c.Artifact)
	if why := d.unable(false); why != "" {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	fmt.Fprintln(w, "able to deploy")
}

// Check judges the new deployer by the stage in which it is deployed, and all through
// its bake time. Only the process that holds the lease is asked: it says good once it
// is a process of the release and has renewed the lease and planned every pipeline
// itself.
func (d *Deployer) Check() pipeline.Check {
	return pipeline.Check{Name: "deployer", Run: func(_ context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
		why := cmp.Or(d.unable(true), d.unproven())
		switch {
		case d.c.Artifact == "":
			return pipeline.Good, "run by hand: the hosts' health checks have the word"
		case d.c.Artifact != s.Release.Digest:
			return pipeline.CannotTell, "an older deployer acts: " + s.Release.ID + " has not taken over yet"
		case why == "":
			return pipeline.Good, "it renews its lease and plans every pipeline"
		case d.unableFor() > d.c.Patience:
			return pipeline.Bad, why
		}
		return pipeline.CannotTell, why
	}}
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
