package pipeline_test

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// waitFor reads events until one of the kind comes.
func waitFor(b *testing.B, events <-chan pipeline.Event, kind pipeline.EventKind) pipeline.Event {
	b.Helper()
	timeout := time.After(10 * time.Second)
	for {
		select {
		case e := <-events:
			if e.Kind == kind {
				return e
			}
		case <-timeout:
			b.Fatalf("no event %q", kind)
		}
	}
}

// running starts an engine in real time and returns its events.
func running(b *testing.B, w *world) (*pipeline.Engine, <-chan pipeline.Event) {
	b.Helper()
	c := w.config()
	c.Poll, c.Converge = time.Hour, time.Hour
	e, err := pipeline.New(c)
	require.NoError(b, err)
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan pipeline.Event, 1<<12)
	watched := e.Watch(ctx, 1<<12)
	var wait sync.WaitGroup
	wait.Go(func() {
		for event := range watched {
			events <- event
		}
	})
	wait.Go(func() { _ = e.Run(ctx) })
	b.Cleanup(func() { cancel(); wait.Wait() })
	waitFor(b, events, pipeline.EventReason) // it has looked, and found nothing
	return e, events
}

// BenchmarkDeploy is one deploy to one unit, with everything in memory: what is
// left is the engine's own work.
func BenchmarkDeploy(b *testing.B) {
	w := newWorld("a")
	e, events := running(b, w)
	for b.Loop() {
		w.commit(pipeline.Passed)
		e.Wake()
		if end := waitFor(b, events, pipeline.EventEnded); end.End != pipeline.Live {
			b.Fatalf("ended %s: %s", end.End, end.Message)
		}
	}
}

// BenchmarkWake is from a webhook to the beginning of the deploy.
func BenchmarkWake(b *testing.B) {
	w := newWorld("a")
	e, events := running(b, w)
	var total time.Duration
	deploys := 0
	for b.Loop() {
		w.commit(pipeline.Passed)
		began := time.Now()
		e.Wake()
		waitFor(b, events, pipeline.EventBegan)
		total += time.Since(began)
		deploys++
		waitFor(b, events, pipeline.EventEnded)
	}
	b.ReportMetric(float64(total.Microseconds())/float64(deploys)/1000, "ms/first-action")
}

// BenchmarkIdlePipelines holds 1,000 pipelines of one process, each with a release
// live, under one lease, and reports the heap that each keeps.
func BenchmarkIdlePipelines(b *testing.B) {
	const pipelines = 1000
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	for b.Loop() {
		before := heap()
		store, logs, builds := &lock.Memory{}, &build.MemoryStore{}, &buildtest.Builds{}
		var engines []*pipeline.Engine
		for i := range pipelines {
			w := newWorld("a")
			w.commit(pipeline.Passed)
			w.builds = builds
			c := w.config()
			c.Name, c.Lease, c.Store, c.Logs = fmt.Sprintf("app-%04d", i), "leases/all", store, logs
			c.Stages[0].Targets = []target.Target{targettest.NewMemory("fleet", "a")}
			e, err := pipeline.New(c)
			require.NoError(b, err)
			engines = append(engines, e)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- pipeline.Serve(ctx, engines...) }()
		for _, e := range engines {
			for idle := false; !idle; {
				s, err := e.Status(ctx)
				idle = err == nil && s.Live != nil && s.Open == nil
				time.Sleep(time.Millisecond)
			}
		}
		time.Sleep(time.Second) // the convergence after each deploy
		b.ReportMetric(float64(heap()-before)/pipelines/1024, "KB/pipeline")
		cancel()
		require.NoError(b, <-done)
	}
}
