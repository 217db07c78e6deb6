package dashboard_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
	"github.com/muster-deploy/muster/target"
)

// relay trusts a token to act for people.
func relay(r *http.Request, _ dashboard.Access) (dashboard.User, error) {
	if r.Header.Get("Authorization") != "Bearer secret" {
		return dashboard.User{}, dashboard.ErrUnauthenticated
	}
	return dashboard.User{Name: "bot", Relay: true}, nil
}

// over returns a client of a pipeline's dashboard.
func over(t *testing.T, p pipeline.Pipeline) pipeline.Pipeline {
	t.Helper()
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{p}, Authorize: relay})
	return client(t, s, p.Name())
}

func client(t *testing.T, s *site, name string) *dashboard.Client {
	t.Helper()
	c, err := dashboard.NewClient(dashboard.ClientConfig{URL: s.url, Pipeline: name, HTTP: &http.Client{Transport: &http.Transport{}},
		Token: func(context.Context) (string, error) { return "secret", nil }})
	require.NoError(t, err)
	return c
}

// TestAClientIsWhatItWraps runs the same checks on a pipeline and on a client of it.
func TestAClientIsWhatItWraps(t *testing.T) {
	t.Parallel()
	for way, wrap := range map[string]func(*testing.T, pipeline.Pipeline) pipeline.Pipeline{
		"direct":             func(_ *testing.T, p pipeline.Pipeline) pipeline.Pipeline { return p },
		"client":             over,
		"client of a client": func(t *testing.T, p pipeline.Pipeline) pipeline.Pipeline { return over(t, over(t, p)) },
	} {
		for name, check := range map[string]func(*testing.T, func(pipeline.Pipeline) pipeline.Pipeline){
			"status": checkStatus, "requests": checkRequests, "refusals": checkRefusals, "history": checkHistory,
			"logs": checkLogs, "trouble": checkTrouble, "no pipeline": checkNoPipeline, "context": checkContext,
		} {
			t.Run(way+"/"+name, func(t *testing.T) {
				check(t, func(p pipeline.Pipeline) pipeline.Pipeline { return wrap(t, p) })
			})
		}
	}
}

func checkStatus(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	f := fake("payments/web")
	f.Update(func(s *pipeline.Status) {
		s.Holds = []lock.Hold{{ID: "h", By: "ann", Reason: "<b>&", Until: time.Now().Add(time.Hour).UTC().Round(0)}}
		s.Observed = map[string]pipeline.Observed{"web": {Units: 2, On: 1, Off: []target.Unit{{Name: "a", Problem: "no"}}}}
		s.Served[0].At, s.Served[1].At = time.Now().UTC().Round(0), time.Now().UTC().Round(0)
		s.Live = &s.Served[1]
	})
	p := wrap(f)
	require.Equal(t, "payments/web", p.Name())
	want, err := f.Status(t.Context())
	require.NoError(t, err)
	got, err := p.Status(t.Context())
	require.NoError(t, err)
	assert.WithinDuration(t, want.At, got.At, time.Minute)
	got.At = want.At
	assert.Equal(t, want, got)
}

func checkRequests(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	f := fake("web")
	p := wrap(f)
	asked := pipeline.Asked{ID: "mine", By: "ann@laptop", Reason: "checkout \x00is “broken” <script>"}
	for i, q := range []pipeline.Request{
		pipeline.PlaceHold{Asked: asked, Scope: lock.All, Level: lock.Everything, Until: time.Now().Add(time.Hour).UTC().Round(0)},
		pipeline.LiftHold{Asked: asked, Hold: "h"}, pipeline.Ship{Asked: asked, Revision: "abc", Holds: []string{"h"}, Unjudged: true},
		pipeline.Rollback{Asked: asked, From: "42-3f9a1c0", To: "41-1111111"}, pipeline.Resume{Asked: asked, Stop: "s", From: "abc"},
		pipeline.Abort{Asked: asked, Deploy: "43-x"}, pipeline.Answer{Asked: asked, Deploy: "43-x", Hook: "migrate", Done: true},
	} {
		asked.ID = fmt.Sprintf("mine-%d", i)
		q = withAsked(q, asked)
		for range 2 {
			id, err := p.Do(t.Context(), q)
			require.NoError(t, err)
			require.Equal(t, asked.ID, id)
		}
		require.Len(t, f.Requests(), i+1, "the same id is applied once")
		require.Equal(t, q, f.Requests()[i])
	}
	id, err := p.Do(t.Context(), pipeline.Abort{Asked: pipeline.Asked{By: "ann", Reason: "x"}, Deploy: "9"})
	require.NoError(t, err)
	require.NotEmpty(t, id, "a request without an id gets one")
	require.Equal(t, id, askedOf(f.Requests()[7]).ID)
}

func checkRefusals(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	f := fake("web")
	p := wrap(f)
	for _, code := range []pipeline.RefusalCode{pipeline.Invalid, pipeline.Outdated, pipeline.Impossible} {
		no := &pipeline.Refusal{Code: code, Reason: "42 is neither live nor on its way"}
		f.Refuse(fmt.Errorf("ask: %w", no))
		id, err := p.Do(t.Context(), pipeline.Abort{Asked: pipeline.Asked{ID: "x", By: "ann"}, Deploy: "9"})
		var refusal *pipeline.Refusal
		require.ErrorAs(t, err, &refusal)
		assert.Equal(t, no, refusal)
		assert.Equal(t, "x", id, "the id comes with the error, to ask again")
	}
	w := newPlace(t, "real")
	w.ship(t, "one")
	var refusal *pipeline.Refusal
	_, err := wrap(w).Do(t.Context(), pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: strings.Repeat("x", 1<<20)}})
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, pipeline.Invalid, refusal.Code)
	_, err = wrap(w).Do(t.Context(), pipeline.Rollback{Asked: pipeline.Asked{By: "ann", Reason: "x"}, From: "9-x"})
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, pipeline.Outdated, refusal.Code)
}

func checkHistory(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	f := pipelinetest.NewFake("web")
	const n = 730 // more than two pages
	for i := range n {
		f.End(pipeline.Deploy{ID: fmt.Sprintf("%d-a", i), End: pipeline.Live, Subject: "change", Ended: time.Now().UTC().Round(0)}, "")
	}
	p := wrap(f)
	read := func(before string, most int) (ids []string) {
		for d, err := range p.Deploys(t.Context(), before) {
			require.NoError(t, err)
			if ids = append(ids, d.ID); len(ids) == most {
				break
			}
		}
		return ids
	}
	all := read("", -1)
	require.Len(t, all, n)
	assert.Equal(t, "729-a", all[0])
	assert.Equal(t, "0-a", all[n-1])
	assert.Equal(t, []string{"99-a", "98-a"}, read("100-a", 2))
	assert.Empty(t, read("0-a", -1))
	assert.Empty(t, read("no such deploy", -1))
}

func checkLogs(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	f := fake("web")
	long := strings.Repeat("a line of a log\n", 1<<16)
	f.End(pipeline.Deploy{ID: "43-b"}, long)
	f.End(pipeline.Deploy{ID: "44-c"}, "")
	p := wrap(f)
	for id, want := range map[string]string{"42-3f9a1c0": "15:04:05 built\n15:04:09 live\n", "43-b": long, "44-c": ""} {
		log, err := p.Log(t.Context(), id)
		require.NoError(t, err)
		text, err := io.ReadAll(log)
		require.NoError(t, err)
		require.NoError(t, log.Close())
		assert.Equal(t, want, string(text))
	}
	_, err := p.Log(t.Context(), "45-d")
	require.ErrorIs(t, err, pipeline.ErrNoDeploy)
}

func checkTrouble(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	f := fake("web")
	p := wrap(f)
	f.Fail(errors.New("the store does not answer"))
	_, err := p.Status(t.Context())
	require.ErrorContains(t, err, "the store does not answer")
	_, err = p.Do(t.Context(), pipeline.Abort{Asked: pipeline.Asked{By: "ann"}, Deploy: "9"})
	require.ErrorContains(t, err, "the store does not answer")
	_, err = p.Log(t.Context(), "42-3f9a1c0")
	require.ErrorContains(t, err, "the store does not answer")
	for _, err := range p.Deploys(t.Context(), "") {
		require.ErrorContains(t, err, "the store does not answer")
	}
	f.Fail(nil)
	_, err = p.Status(t.Context())
	require.NoError(t, err)
}

func checkNoPipeline(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	p := wrap(pipeline.Open(&lock.Memory{}, newPlace(t, "x").logs, "web"))
	_, err := p.Status(t.Context())
	require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	_, err = p.Do(t.Context(), pipeline.Abort{Asked: pipeline.Asked{By: "ann", Reason: "x"}, Deploy: "9"})
	require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	_, err = p.Log(t.Context(), "9")
	require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	for _, err := range p.Deploys(t.Context(), "") {
		require.ErrorIs(t, err, pipeline.ErrNoPipeline)
	}
}

func checkContext(t *testing.T, wrap func(pipeline.Pipeline) pipeline.Pipeline) {
	p := wrap(fake("web"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := p.Status(ctx)
	require.ErrorIs(t, err, context.Canceled)
	for _, err := range p.Deploys(ctx, "") {
		require.ErrorIs(t, err, context.Canceled)
	}
}

func TestAClientThatIsNobodyIsToldSo(t *testing.T) {
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{fake("web")}, Authorize: relay})
	c, err := dashboard.NewClient(dashboard.ClientConfig{URL: s.url + "/", Pipeline: "web"})
	require.NoError(t, err)
	_, err = c.Status(t.Context())
	require.ErrorContains(t, err, "log in")
	c, err = dashboard.NewClient(dashboard.ClientConfig{URL: s.url, Pipeline: "web", Token: func(context.Context) (string, error) { return "", errors.New("vault is sealed") }})
	require.NoError(t, err)
	_, err = c.Status(t.Context())
	require.ErrorContains(t, err, "get token: vault is sealed")
}

func TestWhoIsNotTrustedToActForOthersActsInTheOwnName(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	c, err := dashboard.NewClient(dashboard.ClientConfig{URL: s.url, Pipeline: "web"})
	require.NoError(t, err)
	_, err = c.Do(t.Context(), pipeline.PlaceHold{Asked: pipeline.Asked{By: "the boss", Reason: "x"}})
	require.NoError(t, err)
	assert.Equal(t, "ann", askedOf(f.Requests()[0]).By)
}

func TestAClientSaysWhatStandsBeforeTheDashboard(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		`503 Service Unavailable: "no upstream"`: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "no   upstream", http.StatusServiceUnavailable)
		},
		"read the dashboard's answer": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>log in</html>") },
	} {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		c, err := dashboard.NewClient(dashboard.ClientConfig{URL: s.URL, Pipeline: "web"})
		require.NoError(t, err)
		_, err = c.Status(t.Context())
		assert.ErrorContains(t, err, name)
	}
	for _, bad := range []dashboard.ClientConfig{{URL: "://", Pipeline: "a"}, {URL: "ftp://x", Pipeline: "a"}, {URL: "https:///x", Pipeline: "a"}, {URL: "https://x"}} {
		_, err := dashboard.NewClient(bad)
		assert.Error(t, err, "%+v", bad)
	}
}

// torn is a pipeline whose logs break off.
type torn struct{ *pipelinetest.Fake }

func (torn) Log(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("half a lo"), brokenReader{})), nil
}

type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, errors.New("the store does not answer") }

func TestALogThatBreaksOffDoesNotLookWhole(t *testing.T) {
	log, err := over(t, torn{fake("web")}).Log(t.Context(), "42-3f9a1c0")
	require.NoError(t, err)
	defer log.Close()
	text, err := io.ReadAll(log)
	require.Error(t, err)
	assert.Equal(t, "half a lo", string(text))
}
