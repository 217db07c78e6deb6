package dashboard_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
)

// everyPath is one of each kind of page and answer.
var everyPath = []string{
	"/", "/events", "/p/web/", "/p/web/events", "/p/web/deploys/", "/p/web/deploys/42-3f9a1c0", "/p/web/deploys/42-3f9a1c0/log",
	"/p/web/do/hold", "/api/pipelines", "/api/pipelines/web", "/api/pipelines/web/deploys", "/api/pipelines/web/deploys/42-3f9a1c0/log",
	"/api/pipelines/web/plan", "/api/pipelines/web/reason", "/p/nothing/", "/api/pipelines/nothing",
}

func TestWithoutAnAuthorizeFunctionNobodyReadsAndNobodyActs(t *testing.T) {
	f := fake("web")
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{f}})
	for _, path := range everyPath {
		p := s.get(path)
		assert.Equal(t, http.StatusForbidden, p.code, path)
		assert.Contains(t, p.text(), "not told who may read it", path)
		assert.NotContains(t, p.body, "3f9a1c0\">", path)
	}
	assert.Equal(t, http.StatusForbidden, s.post("/p/web/do/hold", url.Values{"reason": {"x"}}).code)
	assert.Equal(t, http.StatusForbidden, s.send(http.MethodPost, "/api/pipelines/web/requests", strings.NewReader("{}"), "Content-Type: application/json").code)
	assert.Empty(t, f.Requests())
}

func TestReadOnlyLetsEverybodyReadAndNobodyAct(t *testing.T) {
	f := fake("web")
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{f}, Authorize: dashboard.ReadOnly})
	p := s.get("/p/web/")
	assert.Equal(t, http.StatusOK, p.code)
	assert.NotContains(t, p.body, "do/hold", "no form is offered")
	assert.Equal(t, http.StatusForbidden, s.get("/p/web/do/hold").code)
	assert.Equal(t, http.StatusForbidden, s.post("/p/web/do/hold", url.Values{"reason": {"x"}}).code)
	body, err := pipeline.EncodeRequest(pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: "x"}})
	require.NoError(t, err)
	p = s.send(http.MethodPost, "/api/pipelines/web/requests", strings.NewReader(string(body)), "Content-Type: application/json")
	assert.Equal(t, http.StatusForbidden, p.code)
	assert.Empty(t, f.Requests())
}

func TestWhoMayNotReadAPipelineDoesNotLearnOfIt(t *testing.T) {
	secret := fake("secret")
	authorize := func(r *http.Request, a dashboard.Access) (dashboard.User, error) {
		if a.Pipeline != "web" {
			return dashboard.User{}, errors.New("not yours")
		}
		return byHeader(r, a)
	}
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{fake("web"), secret}, Authorize: authorize})
	for _, path := range []string{"/", "/api/pipelines"} {
		p := s.get(path)
		assert.Equal(t, http.StatusOK, p.code)
		assert.NotContains(t, p.body, "secret", path)
	}
	assert.Equal(t, s.get("/p/secret/").text(), s.get("/p/nothing/").text(), "there or not, it looks alike")
	assert.Equal(t, http.StatusForbidden, s.get("/p/secret/").code)

	in := url.Values{"form": {s.open("/p/web/do/hold")}, "reason": {"x"}, "scope": {"all"}}
	p := s.post("/p/web/do/hold", in)
	assert.Equal(t, http.StatusForbidden, p.code, "a hold on all is one on the other, too")
	in.Set("scope", "")
	assert.Equal(t, http.StatusSeeOther, s.post("/p/web/do/hold", in).code)
}

func TestAHoldOfWiderScopeIsLiftedByWhoMayActOnAllThatItHolds(t *testing.T) {
	wide := lock.Hold{ID: "h1", Scope: lock.Prefix("pay/"), By: "ann", Reason: "x"}
	f := fake("pay/web")
	f.Update(func(s *pipeline.Status) { s.Holds = []lock.Hold{wide} })
	may := map[string]bool{"pay/web": true, "pay/api": false, "site": false}
	authorize := func(r *http.Request, a dashboard.Access) (dashboard.User, error) {
		if a.Act && !may[a.Pipeline] {
			return dashboard.User{}, errors.New("not on call for " + a.Pipeline)
		}
		return byHeader(r, a)
	}
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{f, fake("pay/api"), fake("site")}, Authorize: authorize})
	in := url.Values{"form": {s.open("/p/pay.web/do/lift?hold=h1")}}
	p := s.post("/p/pay.web/do/lift?hold=h1", in)
	assert.Equal(t, http.StatusForbidden, p.code)
	assert.Contains(t, p.text(), "Not on call for pay/api")
	may["pay/api"] = true
	assert.Equal(t, http.StatusSeeOther, s.post("/p/pay.web/do/lift?hold=h1", in).code)
	assert.Equal(t, "h1", f.Requests()[0].(pipeline.LiftHold).Hold)
}

func TestWhoIsNotKnownIsSentToLogIn(t *testing.T) {
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{fake("web")}, Authorize: relay})
	assert.Equal(t, http.StatusUnauthorized, s.get("/").code)
	assert.Equal(t, http.StatusUnauthorized, s.get("/p/web/").code)
	assert.Equal(t, http.StatusOK, s.get("/p/web/", "Authorization: Bearer secret").code)
	nameless := func(*http.Request, dashboard.Access) (dashboard.User, error) { return dashboard.User{}, nil }
	s = serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{fake("web")}, Authorize: nameless})
	assert.Equal(t, http.StatusInternalServerError, s.get("/p/web/").code)
}

func TestAConfigIsCheckedAtOnce(t *testing.T) {
	_, err := dashboard.New(dashboard.Config{Pipelines: []pipeline.Pipeline{fake("a"), fake("a"), nil}, Key: []byte("short"), Refresh: -1})
	for _, complaint := range []string{`"a" twice`, "Pipelines[2] is nil", "Key has 5 bytes", "not below zero"} {
		assert.ErrorContains(t, err, complaint)
	}
	_, err = dashboard.New(dashboard.Config{})
	assert.ErrorContains(t, err, "nothing to show")
	_, err = dashboard.New(dashboard.Config{Pipelines: []pipeline.Pipeline{fake("a")}, Origins: []string{"tools"}})
	assert.ErrorContains(t, err, "Origins")
}
