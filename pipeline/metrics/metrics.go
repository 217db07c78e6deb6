package metrics

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/internal/witness"
)

// Defaults and bounds.
const (
	DefaultWindow = 30 * 24 * time.Hour

	lookEvery = 15 * time.Second
	keep      = 1000 // deploys of which the failure rate is made
)

// Config says where measurements go. Provider is required.
type Config struct {
	Provider metric.MeterProvider
	// Window is over which time the failure rate is. Zero: DefaultWindow.
	Window time.Duration
	// Sources are the sources of pipelines, by the pipelines' names. Each is asked every
	// fifteen seconds how many changes wait; it is the one that the engine asks, so that
	// answers are shared. A pipeline without one has no queue.
	Sources map[string]pipeline.Source
	// Log is told of a pipeline that could not be read. Nil: nobody.
	Log *slog.Logger
}

// Metrics measure the pipelines that they follow. Their methods may be called
// concurrently.
type Metrics struct {
	c Config
	instruments

	mu        sync.Mutex
	pipelines map[string]*measured
}

// measured is a pipeline as it was seen last.
type measured struct {
	status  pipeline.Status
	acting  bool
	deploys []pipeline.Deploy // of the window, oldest first
	queue   []pipeline.Change // newer than what is live, newest first
	queued  bool              // queue is known
}

// New returns metrics that are given to c's provider.
func New(c Config) (*Metrics, error) {
	if c.Provider == nil || c.Window < 0 {
		return nil, errors.New("configure metrics: Provider is missing, or Window is negative")
	}
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	m := &Metrics{c: c, pipelines: map[string]*measured{}}
	if err := m.make(c.Provider.Meter("github.com/muster-deploy/muster/pipeline/metrics")); err != nil {
		return nil, fmt.Errorf("make instruments: %w", err)
	}
	return m, nil
}

// Follow measures a pipeline until the events end. Take the events from the engine,
// before it runs, and p from pipeline.Open, whose Status asks nobody but the store. A
// process without an engine passes no events: then ctx ends it. Several pipelines may be
// followed at once.
func (m *Metrics) Follow(ctx context.Context, p pipeline.Pipeline, events iter.Seq[pipeline.Event]) {
	name := p.Name()
	witness.Follow(ctx, witness.Config{
		Pipeline: p, Events: events, Every: lookEvery,
		See:     func(ctx context.Context, l witness.Look) { m.see(ctx, p, l) },
		Trouble: func(err error) { m.c.Log.Warn("look at pipeline", "pipeline", name, "error", err) },
		Lost:    func(n int) { m.lost.Add(ctx, int64(n), of(name)) },
	})
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.pipelines, name)
}

// see takes in a look at a pipeline.
func (m *Metrics) see(ctx context.Context, p pipeline.Pipeline, l witness.Look) {
	ended := l.Ended
	switch {
	case l.First:
		ended = m.past(ctx, p)
	case l.Acting:
		for _, d := range ended {
			m.count(ctx, p.Name(), d)
		}
	}
	queue, queued := m.ask(ctx, p.Name(), l.Status)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.pipelines[p.Name()]
	if now == nil {
		now = &measured{}
		m.pipelines[p.Name()] = now
	}
	now.status, now.acting, now.queue, now.queued = l.Status, l.Acting, queue, queued
	now.deploys = append(now.deploys, ended...)
	old := func(d pipeline.Deploy) bool { return time.Since(d.Ended) > m.c.Window }
	now.deploys = slices.DeleteFunc(now.deploys, old)
	now.deploys = now.deploys[max(0, len(now.deploys)-keep):]
}

// past are the deploys of the window that had ended before, oldest first.
func (m *Metrics) past(ctx context.Context, p pipeline.Pipeline) (all []pipeline.Deploy) {
	for d, err := range p.Deploys(ctx, "") {
		if err != nil {
			if !errors.Is(err, pipeline.ErrNoPipeline) {
				m.c.Log.Warn("read history", "pipeline", p.Name(), "error", err)
			}
			break
		}
		if time.Since(d.Ended) > m.c.Window || len(all) == keep {
			break
		}
		all = append(all, d)
	}
	slices.Reverse(all)
	return all
}

// ask asks the pipeline's source which changes wait.
func (m *Metrics) ask(ctx context.Context, name string, s pipeline.Status) ([]pipeline.Change, bool) {
	source := m.c.Sources[name]
	if source == nil || s.Live == nil {
		return nil, false
	}
	changes, err := source.Changes(ctx, s.Live.Revision)
	if err != nil || len(changes) == 0 {
		return nil, false // the engine says what is wrong
	}
	return changes[:len(changes)-1], true
}
