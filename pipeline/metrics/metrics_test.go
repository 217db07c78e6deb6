package metrics_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/metrics"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// read collects all measurements: "name{attributes}" to value; of a histogram the count
// and, under "name.sum", the sum.
func read(t *testing.T, reader *sdk.ManualReader) map[string]float64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	require.NoError(t, reader.Collect(context.Background(), &all))
	values := map[string]float64{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					values[m.Name+labels(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[int64]:
				for _, p := range data.DataPoints {
					values[m.Name+labels(p.Attributes)] = float64(p.Value)
				}
			case metricdata.Gauge[float64]:
				for _, p := range data.DataPoints {
					values[m.Name+labels(p.Attributes)] = p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					values[m.Name+labels(p.Attributes)] = float64(p.Count)
					values[m.Name+".sum"+labels(p.Attributes)] = p.Sum
				}
			default:
				t.Fatalf("%s is a %T", m.Name, m.Data)
			}
		}
	}
	return values
}

func labels(set attribute.Set) string {
	var all []string
	for _, kv := range set.ToSlice() {
		if kv.Key != "pipeline" {
			all = append(all, string(kv.Key)+"="+kv.Value.String())
		}
	}
	slices.Sort(all)
	return "{" + strings.Join(all, ",") + "}"
}

// world is a real engine on fakes that is measured.
type world struct {
	*githubtest.Repository
	engine *pipeline.Engine
	reader *sdk.ManualReader
	full   atomic.Bool
}

func start(t *testing.T) (*world, func()) {
	t.Helper()
	server := githubtest.New()
	w := &world{Repository: server.Repository("acme/web"), reader: sdk.NewManualReader()}
	fleet := targettest.NewMemory("fleet", "a", "b")
	fleet.Hook = func(_ context.Context, p targettest.Point) error {
		if p.Phase == targettest.Prepare && w.full.Load() {
			return errors.New("the disk is full")
		}
		if p.Phase == targettest.Confirm {
			time.Sleep(5 * time.Second)
		}
		return nil
	}
	branch, err := github.New(github.Config{Repository: "acme/web", Branch: "main", BaseURL: githubtest.URL, Client: server.Client(),
		Token: func(context.Context) (string, error) { return githubtest.Token, nil }})
	require.NoError(t, err)
	store, logs := &lock.Memory{}, &build.MemoryStore{}
	w.engine, err = pipeline.New(pipeline.Config{
		Name: "web", Source: branch, CI: branch, Builds: &buildtest.Builds{}, Store: store, Logs: logs, Holder: "test",
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{fleet}}},
	})
	require.NoError(t, err)
	m, err := metrics.New(metrics.Config{
		Provider: sdk.NewMeterProvider(sdk.WithReader(w.reader)), Sources: map[string]pipeline.Source{"web": branch},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	events := w.engine.Watch(ctx, 0)
	var wait sync.WaitGroup
	wait.Go(func() { m.Follow(ctx, pipeline.Open(store, logs, "web"), events) })
	wait.Go(func() { _ = w.engine.Run(ctx) })
	return w, func() { cancel(); wait.Wait() }
}

// push pushes a change that passes in ten minutes.
func (w *world) push() string {
	sha := w.Commit("main", githubtest.Commit{})
	time.Sleep(10 * time.Minute)
	w.SetCheck(sha, "test", "completed", "success")
	time.Sleep(time.Minute)
	return sha
}

func TestWhatHappensIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := start(t)
		defer stop()
		w.push()
		got := read(t, w.reader)
		require.EqualValues(t, 1, got["muster.deploys{end=live,kind=deploy}"])
		require.EqualValues(t, 1, got["muster.lead_time{}"])
		require.InDelta(t, 620, got["muster.lead_time.sum{}"], 20)
		require.InDelta(t, 10, got["muster.deploy.duration.sum{kind=deploy}"], 3)
		require.Zero(t, got["muster.failure_rate{}"])
		require.EqualValues(t, 1, got["muster.state{state=idle}"])
		require.EqualValues(t, 1, got["muster.lease.held{}"])
		require.EqualValues(t, 1, got["muster.lease.claims{}"])
		require.EqualValues(t, 2, got["muster.units{serving=true,target=fleet}"])
		for _, name := range []string{"muster.units{serving=false,target=fleet}", "muster.queue.changes{}", "muster.queue.age{}",
			"muster.deploying{}", "muster.stopped{}", "muster.holds{}", "muster.parked{}"} {
			value, there := got[name]
			require.True(t, there, name)
			require.Zero(t, value, name)
		}

		w.full.Store(true)
		w.push()
		w.full.Store(false)
		live := w.push()
		got = read(t, w.reader)
		require.EqualValues(t, 1, got["muster.deploys{end=failed,kind=deploy}"])
		require.EqualValues(t, 2, got["muster.deploys{end=live,kind=deploy}"])
		require.InDelta(t, 1./3, got["muster.failure_rate{}"], 1e-9)
		require.EqualValues(t, 1, got["muster.parked{}"])

		s, err := w.engine.Status(t.Context())
		require.NoError(t, err)
		require.Equal(t, live, s.Live.Revision)
		_, err = w.engine.Do(t.Context(), pipeline.Rollback{Asked: pipeline.Asked{By: "ann", Reason: "errors"}, From: s.Live.ID})
		require.NoError(t, err)
		_, err = w.engine.Do(t.Context(), pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: "look"}})
		require.NoError(t, err)
		w.Commit("main", githubtest.Commit{})
		time.Sleep(10 * time.Minute)
		got = read(t, w.reader)
		require.EqualValues(t, 1, got["muster.deploys{end=rolled back,kind=rollback}"])
		require.InDelta(t, 10, got["muster.restore_time.sum{}"], 3)
		require.InDelta(t, 2./3, got["muster.failure_rate{}"], 1e-9)
		require.EqualValues(t, 1, got["muster.stopped{}"])
		require.EqualValues(t, 1, got["muster.holds{}"])
		require.EqualValues(t, 3, got["muster.queue.changes{}"])
		require.Greater(t, got["muster.queue.age{}"], 600.)
		require.NotContains(t, got, "muster.state{state=idle}")
	})
}

// TestEveryInstrumentIsDocumented compares what there is with the package's text.
func TestEveryInstrumentIsDocumentedAndHasFewLabels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := start(t)
		defer stop()
		for range 5 {
			w.push()
		}
		documented := map[string]bool{}
		for _, name := range regexp.MustCompile(`(?m)^//\t(muster\.[a-z._]+) `).FindAllStringSubmatch(source(t), -1) {
			documented[name[1]] = true
		}
		require.Len(t, documented, 16)
		var all metricdata.ResourceMetrics
		require.NoError(t, w.reader.Collect(t.Context(), &all))
		allowed := regexp.MustCompile(`^\{((kind|end|state|target|serving)=[a-z ]+,?)*\}$`)
		for _, m := range all.ScopeMetrics[0].Metrics {
			require.True(t, documented[m.Name], m.Name)
			require.NotEmpty(t, m.Description)
		}
		for series := range read(t, w.reader) {
			require.Regexp(t, allowed, series[strings.Index(series, "{"):])
		}
		require.Less(t, len(read(t, w.reader)), 40, "it does not grow with the number of deploys")
	})
}

func TestAStandbyCountsNothingAndTheHistoryIsKnownFromTheStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		m, err := metrics.New(metrics.Config{Provider: sdk.NewMeterProvider(sdk.WithReader(reader))})
		require.NoError(t, err)
		p := pipelinetest.NewFake("web")
		end := func(id string, e pipeline.End, ago time.Duration) {
			p.End(pipeline.Deploy{ID: id, Kind: pipeline.KindDeploy, End: e, Ended: time.Now().Add(-ago)}, "")
		}
		end("1", pipeline.FailedEnd, 40*24*time.Hour)
		end("2", pipeline.FailedEnd, time.Hour)
		end("3", pipeline.Live, time.Hour)
		ctx, cancel := context.WithCancel(t.Context())
		events := make(chan pipeline.Event)
		done := make(chan struct{})
		go func() {
			m.Follow(ctx, p, func(yield func(pipeline.Event) bool) {
				for e := range events {
					yield(e)
				}
			})
			close(done)
		}()
		synctest.Wait()
		require.InDelta(t, .5, read(t, reader)["muster.failure_rate{}"], 1e-9, "one of two in thirty days")
		end("4", pipeline.Live, 0)
		time.Sleep(time.Minute)
		got := read(t, reader)
		require.Zero(t, got["muster.deploys{end=live,kind=deploy}"], "another deployer acted")
		require.InDelta(t, 1./3, got["muster.failure_rate{}"], 1e-9)
		events <- pipeline.Event{Kind: pipeline.EventClaimed, At: time.Now()}
		time.Sleep(time.Minute)
		end("5", pipeline.Live, 0)
		events <- pipeline.Event{Kind: pipeline.EventLost, Lost: 7}
		time.Sleep(time.Minute)
		got = read(t, reader)
		require.EqualValues(t, 1, got["muster.deploys{end=live,kind=deploy}"])
		require.EqualValues(t, 7, got["muster.events.lost{}"])
		close(events)
		<-done
		cancel()
		require.NotContains(t, read(t, reader), "muster.stopped{}", "what nobody looks at is not measured")
	})
}

func TestAConfigThatCannotWork(t *testing.T) {
	_, err := metrics.New(metrics.Config{})
	require.ErrorContains(t, err, "Provider")
}
