package dashboard_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// grown returns pipelines over one store in memory, with true records and histories:
// engines have deployed each of them so often. They are reached as Open reaches them.
func grown(b *testing.B, pipelines, deploys int) []pipeline.Pipeline {
	b.Helper()
	store, builds := &lock.Memory{}, &buildtest.Builds{}
	all := make([]pipeline.Pipeline, pipelines)
	var wait sync.WaitGroup
	slots := make(chan bool, runtime.GOMAXPROCS(0))
	for i := range all {
		wait.Go(func() {
			slots <- true
			defer func() { <-slots }()
			name := fmt.Sprintf("team-%02d/service-%03d", i/10, i)
			w := newPlace(b, name, func(c *pipeline.Config) {
				c.Store, c.Builds = store, builds
				c.Stages = []pipeline.Stage{{Name: "production", Targets: []target.Target{targettest.NewMemory("fleet", "a")}}}
			})
			for n := range deploys {
				w.ship(b, fmt.Sprintf("Change %d of %s, with a subject of some length", n, name))
			}
			all[i] = pipeline.Open(store, w.logs, name)
		})
	}
	wait.Wait()
	return all
}

func newBoard(b *testing.B, pipelines []pipeline.Pipeline) *dashboard.Dashboard {
	b.Helper()
	d, err := dashboard.New(dashboard.Config{Pipelines: pipelines, Authorize: byHeader})
	require.NoError(b, err)
	b.Cleanup(d.Close)
	return d
}

func open(b *testing.B, d *dashboard.Dashboard, path string) string {
	b.Helper()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if w.Code != http.StatusOK {
		b.Fatalf("%s: %d", path, w.Code)
	}
	return w.Body.String()
}

// BenchmarkFirstPage opens the list of 200 pipelines with 10,000 deploys of history,
// of a dashboard that has read nothing yet (cold), and of one that people look at.
func BenchmarkFirstPage(b *testing.B) {
	pipelines := grown(b, 200, 50)
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			d := newBoard(b, pipelines)
			b.StartTimer()
			before := spent()
			page := open(b, d, "/")
			b.ReportMetric(float64(len(page))/1000, "KB/page")
			b.ReportMetric(float64((spent()-before).Microseconds())/1000, "cpu-ms/page")
			b.StopTimer()
			d.Close()
			b.StartTimer()
		}
	})
	b.Run("warm", func(b *testing.B) {
		d := newBoard(b, pipelines)
		for !strings.Contains(open(b, d, "/"), "<svg") {
			time.Sleep(10 * time.Millisecond)
		}
		before, n := spent(), 0
		for b.Loop() {
			b.ReportMetric(float64(len(open(b, d, "/")))/1000, "KB/page")
			n++
		}
		b.ReportMetric(float64((spent()-before).Microseconds())/1000/float64(n), "cpu-ms/page")
	})
}

// spent is how much CPU time the process has used: on a machine with other work, it
// says more than the clock.
func spent() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPipelinePage opens the page of one pipeline with 10,000 deploys of history.
func BenchmarkPipelinePage(b *testing.B) {
	d := newBoard(b, grown(b, 1, 10000))
	for b.Loop() {
		b.ReportMetric(float64(len(open(b, d, "/p/team-00.service-000/")))/1000, "KB/page")
	}
}

// watch opens streams of a pipeline's page by bare connections, which read and forget.
func watch(b *testing.B, s *httptest.Server, path string, n int) {
	b.Helper()
	var begun sync.WaitGroup
	for range n {
		c, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(b, err)
		b.Cleanup(func() { c.Close() })
		begun.Add(1)
		go func() {
			buf := make([]byte, 512)
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path)
			_, err := c.Read(buf)
			begun.Done()
			for err == nil {
				_, err = c.Read(buf)
			}
		}()
	}
	begun.Wait()
}

// BenchmarkStreamMemory opens 200 event streams of a pipeline's page and reports what
// each takes, heap and stacks, on both ends of the connection.
func BenchmarkStreamMemory(b *testing.B) {
	const streams = 200
	used := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	for b.Loop() {
		w := newPlace(b, "web")
		w.ship(b, "one")
		s := httptest.NewServer(newBoard(b, []pipeline.Pipeline{w.Engine}))
		watch(b, s, "/p/web/events", 1)
		before := used()
		watch(b, s, "/p/web/events", streams)
		time.Sleep(time.Second) // what they are sent first is sent
		b.ReportMetric(float64(int64(used())-int64(before))/streams/1000, "KB/stream")
		b.StopTimer()
		s.CloseClientConnections()
		b.StartTimer()
	}
}

// BenchmarkDeployWhileWatched is one deploy over nine units in three batches, each of
// which takes a little, with nobody and with 200 pages looking on, one after the other.
func BenchmarkDeployWhileWatched(b *testing.B) {
	run := func(streams int) (*place, func() time.Duration) {
		fleet := targettest.NewMemory("fleet", "a", "b", "c", "d", "e", "f", "g", "h", "i")
		fleet.Batch = 3
		w := newPlace(b, "web", func(c *pipeline.Config) { c.Stages[0].Targets = []target.Target{fleet} })
		w.ship(b, "one")
		s := httptest.NewServer(newBoard(b, []pipeline.Pipeline{w.Engine}))
		b.Cleanup(s.CloseClientConnections)
		watch(b, s, "/p/web/events", streams)
		ctx, cancel := context.WithCancel(context.Background())
		b.Cleanup(cancel)
		events := w.Watch(ctx, 4096)
		go func() { _ = w.Run(ctx) }()
		ended := make(chan bool, 10)
		go func() {
			for e := range events {
				if e.Kind == pipeline.EventEnded {
					ended <- true
				}
			}
		}()
		return w, func() time.Duration {
			w.commit("next")
			began := time.Now()
			w.Wake()
			<-ended
			return time.Since(began)
		}
	}
	_, alone := run(0)
	_, watched := run(200)
	const row = 40 // deploys one after the other, longer than news are gathered
	var a, z time.Duration
	n := 0
	for b.Loop() {
		for range row {
			a += alone()
		}
		time.Sleep(time.Second) // what the streams are still sent is nobody's rollout
		for range row {
			z += watched()
		}
		time.Sleep(time.Second)
		n += row
	}
	b.ReportMetric(float64(a.Microseconds())/1000/float64(n), "ms/alone")
	b.ReportMetric(float64(z.Microseconds())/1000/float64(n), "ms/watched")
	b.ReportMetric(float64(z)/float64(a), "ratio")
}
