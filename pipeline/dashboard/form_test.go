package dashboard_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

func TestEveryActionIsConfirmedByAFormThatNamesWhatItActsOn(t *testing.T) {
	hold := lock.Hold{ID: "k3jd92ksla", Scope: lock.Pipeline("payments/web"), Level: lock.Deploys, By: "on-call", Reason: "db migration"}
	open := &pipeline.Attempt{ID: "43-77aa010", Kind: pipeline.KindDeploy, To: target.Release{ID: "43-77aa010"}, Subject: "Show prices",
		Stages: map[string]*pipeline.StageProgress{"production": {Hooks: map[string]pipeline.HookState{"migrate": pipeline.HookBegun}}}}
	for name, c := range map[string]struct {
		status func(*pipeline.Status)
		path   string
		in     url.Values
		says   string
		want   pipeline.Request
	}{
		"hold": {nil, "hold", url.Values{"scope": {""}, "until": {"2099-05-04T17:00"}}, "pauses at its next batch",
			pipeline.PlaceHold{Until: time.Date(2099, 5, 4, 17, 0, 0, 0, time.UTC)}},
		"hold everything of a team": {nil, "hold", url.Values{"scope": {"prefix:payments/"}, "level": {"everything"}}, "All pipelines whose names begin with payments/",
			pipeline.PlaceHold{Scope: lock.Prefix("payments/"), Level: lock.Everything}},
		"lift": {func(s *pipeline.Status) { s.Holds = []lock.Hold{hold} }, "lift?hold=k3jd92ksla", nil, `held by on-call: "db migration"`,
			pipeline.LiftHold{Hold: "k3jd92ksla"}},
		"ship": {func(s *pipeline.Status) { s.Holds = []lock.Hold{hold} }, "ship",
			url.Values{"revision": {" 77aa010 "}, "past": {"k3jd92ksla"}, "unjudged": {"yes"}}, `by on-call: "db migration"`,
			pipeline.Ship{Revision: "77aa010", Holds: []string{"k3jd92ksla"}, Unjudged: true}},
		"rollback of what is live": {nil, "rollback?release=42-3f9a1c0", nil, "42-3f9a1c0 is live.",
			pipeline.Rollback{From: "42-3f9a1c0", To: "41-1111111"}},
		"rollback of what is on its way": {func(s *pipeline.Status) { s.Open = open }, "rollback?release=43-77aa010", nil, `43-77aa010 is on its way: "Show prices".`,
			pipeline.Rollback{From: "43-77aa010", To: "42-3f9a1c0"}},
		"resume": {func(s *pipeline.Status) { s.Stop = &pipeline.Stop{ID: "43-rollback", By: "ann", Reason: "broken"} }, "resume?stop=43-rollback",
			url.Values{"revision": {"8be21d4"}}, `It was stopped by ann`, pipeline.Resume{Stop: "43-rollback", From: "8be21d4"}},
		"abort": {func(s *pipeline.Status) { s.Open = open }, "abort?deploy=43-77aa010", nil, "Before any unit was switched it is dropped.",
			pipeline.Abort{Deploy: "43-77aa010"}},
		"answer": {func(s *pipeline.Status) { s.Open = open }, "answer?deploy=43-77aa010&hook=migrate", url.Values{"change": {"done"}}, "A deployer died while migrate ran",
			pipeline.Answer{Deploy: "43-77aa010", Hook: "migrate", Done: true}},
	} {
		t.Run(name, func(t *testing.T) {
			f := fake("payments/web")
			if c.status != nil {
				f.Update(c.status)
			}
			s := shown(t, f)
			path := "/p/payments.web/do/" + c.path
			p := s.get(path)
			assert.Contains(t, p.text(), c.says)
			in := url.Values{"form": {sealOf(t, p)}, "reason": {"checkout is broken"}}
			for k, v := range c.in {
				in[k] = v
			}
			p = s.post(path, in)
			require.Equal(t, http.StatusSeeOther, p.code, p.text())
			assert.Regexp(t, `^\.\./\?did=`, p.header.Get("Location"))
			require.Len(t, f.Requests(), 1)
			got := f.Requests()[0]
			want := withAsked(c.want, pipeline.Asked{ID: askedOf(got).ID, By: "ann", Reason: "checkout is broken"})
			assert.Equal(t, want, got)
			assert.NotEmpty(t, askedOf(got).ID)
		})
	}
}

func TestADoubleClickActsOnce(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	in := url.Values{"form": {s.open("/p/web/do/rollback")}, "reason": {"broken"}}
	var wait sync.WaitGroup
	for range 5 {
		wait.Go(func() { assert.Equal(t, http.StatusSeeOther, s.post("/p/web/do/rollback", in).code) })
	}
	wait.Wait()
	assert.Len(t, f.Requests(), 1)
}

func TestOfTwoWhoRollBackAtOnceOneReadsWhatTheOtherDid(t *testing.T) {
	w := newPlace(t, "web")
	first := w.ship(t, "one")
	w.ship(t, "two")
	s := shown(t, pipeline.Open(w.store, w.logs, "web"))
	path := "/p/web/do/rollback"
	ann := url.Values{"form": {s.open(path, "User: ann")}, "reason": {"checkout is broken"}}
	bob := url.Values{"form": {s.open(path, "User: bob")}, "reason": {"errors"}}

	require.Equal(t, http.StatusSeeOther, s.post(path, ann, "User: ann").code)
	p := s.post(path, bob, "User: bob")
	require.Equal(t, http.StatusConflict, p.code)
	assert.Contains(t, p.text(), "Nothing was changed")
	assert.Contains(t, p.text(), "it may have been rolled back already")
	assert.Contains(t, p.text(), `ann rolled back from 2-0000000 to 1-0000000 just now: "checkout is broken".`)

	st, err := w.Status(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, st.Live.Revision)
	assert.Equal(t, "ann", st.Stop.By)
	assert.Contains(t, s.get(path).text(), "web is being rolled back already", "a third finds no form")
}

func TestAFormIsTakenFromItsUserOnly(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	in := url.Values{"form": {s.open("/p/web/do/hold", "User: ann", "Session: 1")}, "reason": {"kept text"}}
	for name, x := range map[string]struct {
		path, seal string
		headers    []string
	}{
		"another user":    {"/p/web/do/hold", in.Get("form"), []string{"User: bob", "Session: 1"}},
		"another session": {"/p/web/do/hold", in.Get("form"), []string{"User: ann", "Session: 2"}},
		"another action":  {"/p/web/do/rollback", in.Get("form"), []string{"User: ann", "Session: 1"}},
		"none":            {"/p/web/do/hold", "", []string{"User: ann", "Session: 1"}},
		"changed":         {"/p/web/do/hold", "x" + in.Get("form"), []string{"User: ann", "Session: 1"}},
		"cut":             {"/p/web/do/hold", strings.SplitAfter(in.Get("form"), ".")[0], []string{"User: ann", "Session: 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := s.post(x.path, url.Values{"form": {x.seal}, "reason": {"kept text"}}, x.headers...)
			assert.Equal(t, http.StatusForbidden, p.code)
			assert.Contains(t, p.text(), "confirm it once more")
			assert.Contains(t, p.text(), "kept text")
			assert.Empty(t, f.Requests())
		})
	}
	other := fake("other")
	s = shown(t, f, other)
	in = url.Values{"form": {s.open("/p/web/do/hold")}, "reason": {"x"}}
	assert.Equal(t, http.StatusForbidden, s.post("/p/other/do/hold", in).code, "of another pipeline")
	assert.Empty(t, other.Requests())
}

func TestAFormFromAnotherSiteIsRefused(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	in := url.Values{"form": {s.open("/p/web/do/hold")}, "reason": {"x"}}
	for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example", "Origin: null"} {
		p := s.post("/p/web/do/hold", in, header)
		assert.Equal(t, http.StatusForbidden, p.code, header)
		assert.Contains(t, p.text(), "Nothing was changed", header)
	}
	p := s.send(http.MethodPost, "/api/pipelines/web/requests", strings.NewReader(`{}`), "Content-Type: application/json", "Origin: https://evil.example")
	assert.Equal(t, http.StatusForbidden, p.code)
	p = s.send(http.MethodPost, "/api/pipelines/web/requests", strings.NewReader(`{}`), "Content-Type: text/plain")
	assert.Equal(t, http.StatusUnsupportedMediaType, p.code)
	assert.Empty(t, f.Requests())
	assert.Equal(t, http.StatusSeeOther, s.post("/p/web/do/hold", in, "Sec-Fetch-Site: same-origin").code)
}

func TestAReasonOfAMegabyteIsRefused(t *testing.T) {
	t.Parallel()
	w := newPlace(t, "web")
	w.ship(t, "one")
	s := shown(t, w)
	seal := s.open("/p/web/do/hold")
	p := s.post("/p/web/do/hold", url.Values{"form": {seal}, "reason": {strings.Repeat("x", 1<<20)}})
	assert.Equal(t, http.StatusRequestEntityTooLarge, p.code)
	assert.Contains(t, p.text(), "A reason has at most 2000 bytes")

	long := strings.Repeat("y", 2001)
	p = s.post("/p/web/do/hold", url.Values{"form": {seal}, "reason": {long}})
	assert.Equal(t, http.StatusUnprocessableEntity, p.code)
	assert.Contains(t, p.text(), "The reason has 2001 bytes, at most 2000 are kept")
	assert.Contains(t, p.text(), long, "what was typed is not lost")

	p = s.post("/p/web/do/hold", url.Values{"form": {sealOf(t, p)}, "reason": {" "}})
	assert.Contains(t, p.text(), "A hold needs a reason")
	st, err := w.Status(t.Context())
	require.NoError(t, err)
	assert.Empty(t, st.Holds)
}

func TestWhatLetsChangesOutAsksAgainAfterAChange(t *testing.T) {
	f := fake("web")
	stop := func(s *pipeline.Status) { s.Stop = &pipeline.Stop{ID: "43-rollback", By: "ann", Reason: "broken"} }
	f.Update(stop)
	s := shown(t, f)
	path := "/p/web/do/resume?stop=43-rollback"
	in := url.Values{"form": {s.open(path)}, "revision": {"8be21d4"}}
	f.Update(func(s *pipeline.Status) {
		s.Holds = []lock.Hold{{ID: "h1", Scope: lock.All, By: "on-call", Reason: "freeze"}}
	})
	p := s.post(path, in)
	require.Equal(t, http.StatusConflict, p.code)
	assert.Contains(t, p.text(), "the pipeline has changed since you opened this form")
	assert.Contains(t, p.text(), `It was held by on-call: "freeze".`)
	assert.Empty(t, f.Requests())

	in.Set("form", sealOf(t, p))
	assert.Equal(t, http.StatusSeeOther, s.post(path, in).code, "confirmed again")
	assert.Len(t, f.Requests(), 1)
}

func TestALostAnswerIsAskedForAgainUnderTheSameId(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	f.Refuse(errors.New("connection reset"))
	in := url.Values{"form": {s.open("/p/web/do/rollback")}, "reason": {"broken"}}
	p := s.post("/p/web/do/rollback", in)
	require.Equal(t, http.StatusBadGateway, p.code)
	assert.Contains(t, p.text(), "It is not known whether this was recorded: connection reset")
	assert.Equal(t, in.Get("form"), sealOf(t, p))
}

func TestAFormSaysWhenThereIsNothingToDo(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	for path, says := range map[string]string{
		"resume":                "web is not stopped",
		"resume?stop=9":         "web is not stopped",
		"abort":                 "web has no deploy under way",
		"abort?deploy=9-x":      "The deploy 9-x is not under way",
		"lift?hold=9":           `There is no hold "9"`,
		"rollback?release=40-x": "40-x is neither live nor on its way any more",
		"answer?deploy=9&hook=": "The deploy 9 is not under way",
	} {
		p := s.get("/p/web/do/" + path)
		assert.Equal(t, http.StatusOK, p.code)
		assert.Contains(t, p.text(), says)
		assert.NotContains(t, p.body, "<form method", path)
	}
	assert.Equal(t, http.StatusNotFound, s.get("/p/web/do/explode").code)
	assert.Contains(t, shown(t, pipeline.Open(&lock.Memory{}, nil, "new")).get("/p/new/do/rollback").text(), "nothing was ever live")
}

func TestATimeThatIsOverOrNoneIsRefused(t *testing.T) {
	s := shown(t, fake("web"))
	for until, says := range map[string]string{"2001-01-01T00:00": "which is over", "tomorrow": "is not one"} {
		p := s.post("/p/web/do/hold", url.Values{"form": {s.open("/p/web/do/hold")}, "reason": {"x"}, "until": {until}})
		assert.Equal(t, http.StatusUnprocessableEntity, p.code)
		assert.Contains(t, p.text(), says)
	}
}

// askedOf is who asked for a request.
func askedOf(r pipeline.Request) (a pipeline.Asked) {
	withAskedFunc(r, func(x *pipeline.Asked) { a = *x })
	return a
}

func withAsked(r pipeline.Request, a pipeline.Asked) pipeline.Request {
	return withAskedFunc(r, func(x *pipeline.Asked) { *x = a })
}

func withAskedFunc(r pipeline.Request, f func(*pipeline.Asked)) pipeline.Request {
	switch q := r.(type) {
	case pipeline.PlaceHold:
		f(&q.Asked)
		return q
	case pipeline.LiftHold:
		f(&q.Asked)
		return q
	case pipeline.Ship:
		f(&q.Asked)
		return q
	case pipeline.Rollback:
		f(&q.Asked)
		return q
	case pipeline.Resume:
		f(&q.Asked)
		return q
	case pipeline.Abort:
		f(&q.Asked)
		return q
	case pipeline.Answer:
		f(&q.Asked)
		return q
	}
	return r
}
