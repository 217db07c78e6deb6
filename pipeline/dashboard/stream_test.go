package dashboard_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/target"
)

func pow24(x float64) float64 { return math.Pow(x, 2.4) }

// sse is an event that a stream sent.
type sse struct{ kind, id, html string }

// listen opens a stream; the channel is closed when it ends.
func (s *site) listen(ctx context.Context, path string) (<-chan sse, int) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	require.NoError(s.t, err)
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(r)
	require.NoError(s.t, err)
	events := make(chan sse, 1000)
	go func() {
		defer close(events)
		defer resp.Body.Close()
		kind := ""
		for lines := bufio.NewReader(resp.Body); ; {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if k, ok := strings.CutPrefix(line, "event: "); ok {
				kind = strings.TrimSpace(k)
			}
			if data, ok := strings.CutPrefix(line, "data: "); ok {
				var d struct{ ID, HTML string }
				_ = json.Unmarshal([]byte(data), &d)
				events <- sse{kind, d.ID, d.HTML}
			}
		}
	}()
	return events, resp.StatusCode
}

// await waits for an event.
func await(t *testing.T, events <-chan sse, kind, contains string) sse {
	t.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e, open := <-events:
			if !open {
				t.Fatalf("the stream ended before %q", contains)
			}
			if e.kind == kind && strings.Contains(e.html, contains) {
				return e
			}
		case <-timeout:
			t.Fatalf("no %s with %q", kind, contains)
		}
	}
}

func TestAPageOfAnEngineIsToldOfEachBatchAndUnit(t *testing.T) {
	t.Parallel()
	w := newPlace(t, "web")
	w.ship(t, "one")
	s := shown(t, w)
	events, code := s.listen(t.Context(), "/p/web/events")
	require.Equal(t, http.StatusOK, code)
	await(t, events, "hello", "")
	await(t, events, "region", "Up to date")

	w.commit("two <b>")
	require.NoError(t, w.Settle(t.Context()))
	await(t, events, "region", "2-0000000</a>")
	for e := await(t, events, "region", "two &lt;b&gt;"); e.id != "history"; {
		e = await(t, events, "region", "two &lt;b&gt;")
	}
	w.commit("three")
	done := make(chan error, 1)
	go func() { done <- w.Settle(context.WithoutCancel(t.Context())) }()
	await(t, events, "lines", "batch 3 of 3")
	await(t, events, "lines", "3-0000000 ended: live")
	require.NoError(t, <-done)
}

func TestAnOverviewIsToldOfEveryPipeline(t *testing.T) {
	t.Parallel()
	a, b := fake("a"), fake("b")
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{a, b}, Authorize: byHeader, Refresh: 50 * time.Millisecond})
	events, _ := s.listen(t.Context(), "/events?chart=1")
	await(t, events, "region", "As a table")
	b.Update(func(s *pipeline.Status) {
		s.Stop = &pipeline.Stop{ID: "43-rollback", By: "ann", Reason: "broken"}
		s.Reason = pipeline.Reason{Code: pipeline.CodeStopped, Sentence: "stopped by ann"}
	})
	assert.Equal(t, "row-b", await(t, events, "region", "Stopped by ann").id)
	assert.Equal(t, "glance", await(t, events, "region", "Somebody should look").id)
}

func TestAPipelineThatIsOnlyOpenedSaysWhatHappensToo(t *testing.T) {
	t.Parallel()
	f := fake("web")
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{f}, Authorize: byHeader, Refresh: 50 * time.Millisecond})
	events, _ := s.listen(t.Context(), "/p/web/events")
	await(t, events, "region", "Up to date")
	f.Update(func(s *pipeline.Status) {
		s.Open = &pipeline.Attempt{ID: "43-77aa010", Kind: pipeline.KindDeploy, To: target.Release{ID: "43-77aa010", Digest: "x"}, Prepared: true,
			Stages: map[string]*pipeline.StageProgress{"production": {Targets: map[string]pipeline.TargetProgress{"fleet": {Batch: 1, Batches: 3}}}}}
		s.Reason = pipeline.Reason{Code: pipeline.CodeDeploying, Sentence: "deploying 43-77aa010"}
	})
	e := await(t, events, "region", "batch 1 of 3")
	assert.Contains(t, e.html, "do/abort?deploy=43-77aa010", "who may act is offered it")
	await(t, events, "lines", "fleet: batch 1 of 3")
}

func TestAStreamOfAnotherProcessBeginsAnew(t *testing.T) {
	t.Parallel()
	f := fake("web")
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{f}, Authorize: byHeader, Refresh: 50 * time.Millisecond})
	events, _ := s.listen(t.Context(), "/p/web/events?after=4711") // a tab that was open for a week
	await(t, events, "region", "Up to date")
	f.Update(func(s *pipeline.Status) { s.Reason.Sentence = "something else" })
	await(t, events, "lines", "something else")
}

func TestStreamsAreBoundedAndEndWithTheDashboard(t *testing.T) {
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{fake("web")}, Authorize: byHeader, MaxStreams: 2})
	ctx, leave := context.WithCancel(t.Context())
	first, code := s.listen(ctx, "/events")
	require.Equal(t, http.StatusOK, code)
	second, code := s.listen(t.Context(), "/p/web/events")
	require.Equal(t, http.StatusOK, code)
	await(t, first, "hello", "")
	await(t, second, "hello", "")
	assert.Equal(t, http.StatusServiceUnavailable, s.get("/events").code)
	assert.Equal(t, http.StatusOK, s.get("/p/web/").code, "pages go on")
	leave()
	require.Eventually(t, func() bool {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, code := s.listen(ctx, "/events")
		return code == http.StatusOK
	}, time.Minute, 20*time.Millisecond, "a place that was left is free")
	s.board.Close()
	for range second { // until it ends
	}
	assert.Equal(t, http.StatusOK, s.get("/p/web/").code)
}

func TestNobodyIsFollowedWhomNobodyLooksAt(t *testing.T) {
	var looks atomic.Int64
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{counting{fake("web"), &looks}}, Authorize: byHeader, Refresh: time.Hour})
	assert.Zero(t, looks.Load())
	for range 20 {
		s.get("/")
	}
	assert.LessOrEqual(t, looks.Load(), int64(2), "pages share what was read")
}

// counting counts how often a pipeline is read.
type counting struct {
	pipeline.Pipeline
	looks *atomic.Int64
}

func (c counting) Status(ctx context.Context) (pipeline.Status, error) {
	c.looks.Add(1)
	return c.Pipeline.Status(ctx)
}

func TestAnEngineIsAskedForWhatIsRecordedOnly(t *testing.T) {
	w := newPlace(t, "web")
	w.ship(t, "one")
	w.Engine = nil
	asked := newPlace(t, "web", func(c *pipeline.Config) {
		c.Store, c.Logs = w.store, w.logs
		c.Source = unasked{}
	})
	s := shown(t, asked.Engine)
	assert.Contains(t, s.get("/p/web/").text(), "Up to date: 0000000 is live")
	assert.Contains(t, s.get("/").text(), "Up to date")
}

func TestAPageSaysWhyAChangeIsNotLive(t *testing.T) {
	w := newPlace(t, "web")
	first := w.ship(t, "one")
	s := shown(t, w)
	assert.Contains(t, s.get("/p/web/?change="+first).text(), "0000000 is live")
	_, err := w.Do(t.Context(), pipeline.PlaceHold{Asked: pipeline.Asked{By: "on-call", Reason: "db migration"}})
	require.NoError(t, err)
	assert.Contains(t, s.get("/p/web/?change="+w.commit("two")).text(), `Held by on-call: "db migration".`)
	assert.Contains(t, s.get("/p/web/?change=nothing").text(), "nothing")
	assert.NotContains(t, shown(t, fake("web")).get("/p/web/?change=x").text(), "Why is my change", "who does not know the branch is not asked")
}

// unasked is a source that must not be asked.
type unasked struct{ pipeline.Source }

func (unasked) Changes(context.Context, string) ([]pipeline.Change, error) {
	panic(errors.New("a page asked the source"))
}
