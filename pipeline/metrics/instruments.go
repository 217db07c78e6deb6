package metrics

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/muster-deploy/muster/pipeline"
)

// instruments are what measurements are given to.
type instruments struct {
	deploys, lost               metric.Int64Counter
	duration, leadTime, restore metric.Float64Histogram

	failureRate, age                                                      metric.Float64ObservableGauge
	state, deploying, stopped, holds, parked, held, claims, queued, units metric.Int64ObservableGauge
}

// Boundaries of the histograms, in seconds.
var (
	short = []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200}
	long  = []float64{60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400, 259200, 604800}
)

// maker makes instruments, and keeps the first error.
type maker struct {
	metric.Meter
	err error
}

func (m *maker) note(err error) {
	if m.err == nil {
		m.err = err
	}
}

func (m *maker) counter(name, unit, what string) metric.Int64Counter {
	c, err := m.Int64Counter(name, metric.WithUnit(unit), metric.WithDescription(what))
	m.note(err)
	return c
}

func (m *maker) seconds(name, what string, bounds []float64) metric.Float64Histogram {
	h, err := m.Float64Histogram(name, metric.WithUnit("s"), metric.WithDescription(what), metric.WithExplicitBucketBoundaries(bounds...))
	m.note(err)
	return h
}

func (m *maker) gauge(name, unit, what string) metric.Int64ObservableGauge {
	g, err := m.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(what))
	m.note(err)
	return g
}

func (m *maker) fraction(name, unit, what string) metric.Float64ObservableGauge {
	g, err := m.Float64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(what))
	m.note(err)
	return g
}

// make makes all instruments. The texts are those of the package's documentation.
func (m *Metrics) make(meter metric.Meter) error {
	k := &maker{Meter: meter}
	m.deploys = k.counter("muster.deploys", "{deploy}", "Deploys and rollbacks that ended.")
	m.lost = k.counter("muster.events.lost", "{event}", "Events that came faster than they were read.")
	m.duration = k.seconds("muster.deploy.duration", "From the beginning to the end of a deploy or a rollback.", short)
	m.leadTime = k.seconds("muster.lead_time", "From the commit of the newest change to its being live.", long)
	m.restore = k.seconds("muster.restore_time", "From the beginning of a rollback to its good end.", short)
	m.failureRate = k.fraction("muster.failure_rate", "1", "Share of the recent deploys that failed or were rolled back.")
	m.state = k.gauge("muster.state", "", "Why the pipeline is or is not deploying.")
	m.deploying = k.gauge("muster.deploying", "", "Whether a deploy or a rollback is under way.")
	m.stopped = k.gauge("muster.stopped", "", "Whether automation is stopped.")
	m.holds = k.gauge("muster.holds", "{hold}", "Holds that hold now.")
	m.parked = k.gauge("muster.parked", "{change}", "Changes that automation does not try again.")
	m.held = k.gauge("muster.lease.held", "", "Whether this process acts for the pipeline.")
	m.claims = k.gauge("muster.lease.claims", "{claim}", "How often a deployer has taken the pipeline over.")
	m.queued = k.gauge("muster.queue.changes", "{change}", "Changes that are newer than what is live.")
	m.age = k.fraction("muster.queue.age", "s", "How long the oldest change that is not live has waited.")
	m.units = k.gauge("muster.units", "{unit}", "Units of a target.")
	if k.err != nil {
		return k.err
	}
	_, err := meter.RegisterCallback(m.observe, m.failureRate, m.state, m.deploying, m.stopped, m.holds, m.parked,
		m.held, m.claims, m.queued, m.age, m.units)
	return err
}

// of is the attribute of a pipeline, with others.
func of(name string, more ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributes(append(more, attribute.String("pipeline", name))...)
}

// count measures a deploy that has ended.
func (m *Metrics) count(ctx context.Context, name string, d pipeline.Deploy) {
	kind := attribute.String("kind", string(d.Kind))
	m.deploys.Add(ctx, 1, of(name, kind, attribute.String("end", string(d.End))))
	took := max(0, d.Ended.Sub(d.Began)).Seconds()
	m.duration.Record(ctx, took, of(name, kind))
	switch {
	case d.Kind == pipeline.KindDeploy && d.End == pipeline.Live && !d.Committed.IsZero():
		m.leadTime.Record(ctx, max(0, d.Ended.Sub(d.Committed)).Seconds(), of(name))
	case d.Kind == pipeline.KindRollback && d.End == pipeline.RolledBack:
		m.restore.Record(ctx, took, of(name))
	}
}

// observe gives what was seen last of all pipelines. It asks nobody.
func (m *Metrics) observe(_ context.Context, o metric.Observer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name, p := range m.pipelines {
		m.observeOne(o, name, p)
	}
	return nil
}

func (m *Metrics) observeOne(o metric.Observer, name string, p *measured) {
	s, now := p.status, time.Now()
	o.ObserveFloat64(m.failureRate, pipeline.Summarize(p.deploys, now.Add(-m.c.Window), now.Add(time.Second)).FailureRate, of(name))
	if s.Reason.Code != "" {
		o.ObserveInt64(m.state, 1, of(name, attribute.String("state", string(s.Reason.Code))))
	}
	o.ObserveInt64(m.deploying, one(s.Open != nil), of(name))
	o.ObserveInt64(m.stopped, one(s.Stop != nil), of(name))
	o.ObserveInt64(m.holds, int64(len(s.Holds)), of(name))
	o.ObserveInt64(m.parked, int64(len(s.Parked)), of(name))
	o.ObserveInt64(m.held, one(p.acting && s.Deployer != nil), of(name))
	o.ObserveInt64(m.claims, int64(s.Epoch), of(name))
	if p.queued {
		o.ObserveInt64(m.queued, int64(len(p.queue)), of(name))
		o.ObserveFloat64(m.age, waited(p.queue, now).Seconds(), of(name))
	}
	for target, seen := range s.Observed {
		at := attribute.String("target", target)
		o.ObserveInt64(m.units, int64(seen.On), of(name, at, attribute.Bool("serving", true)))
		o.ObserveInt64(m.units, int64(seen.Units-seen.On), of(name, at, attribute.Bool("serving", false)))
	}
}

// waited is how long the oldest of some changes has waited.
func waited(queue []pipeline.Change, now time.Time) time.Duration {
	if len(queue) == 0 || queue[len(queue)-1].Time.IsZero() {
		return 0
	}
	return max(0, now.Sub(queue[len(queue)-1].Time))
}

func one(is bool) int64 {
	if is {
		return 1
	}
	return 0
}
