package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
)

// patience is how long anything may take on a busy machine.
const patience = 3 * time.Minute

// running starts everything on this machine, and stops it when the test ends.
func running(t *testing.T) *onThisMachine {
	t.Helper()
	l, err := newLocal(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- l.run(ctx) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
		require.NoError(t, l.clear())
		require.NoDirExists(t, l.dir)
	})
	return l
}

// client reaches one of its pipelines as a chat bot does.
func (l *onThisMachine) client(t *testing.T, app string) pipeline.Pipeline {
	t.Helper()
	c, err := dashboard.NewClient(dashboard.ClientConfig{URL: l.url + "/deploys/", Pipeline: "intercom/" + app})
	require.NoError(t, err)
	return c
}

// until waits until a pipeline is as wanted.
func until(t *testing.T, p pipeline.Pipeline, what string, wanted func(pipeline.Status) bool) pipeline.Status {
	t.Helper()
	var s pipeline.Status
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var err error
		if s, err = p.Status(t.Context()); err == nil && wanted(s) {
			return s
		}
	}
	t.Fatalf("%s: still not %s: %s", p.Name(), what, s.Reason)
	return s
}

// see reads what people see of an app.
func (l *onThisMachine) see(t *testing.T, place string) string {
	t.Helper()
	resp, err := http.Get(l.url + "/see/" + place + "/")
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(text)
}

func TestThreeAppsGoLiveAndOneIsRolledBack(t *testing.T) {
	l := running(t)
	for _, app := range []string{"rails", "java", "ember"} {
		until(t, l.client(t, app), "live", func(s pipeline.Status) bool { return s.Live != nil && s.Open == nil })
	}
	assert.Equal(t, "This is rails, version 1.\n", l.see(t, "rails-production"))
	assert.Equal(t, "This is rails, version 1.\n", l.see(t, "rails-pre-production"))
	assert.Contains(t, l.see(t, "ember"), "assets/app-")

	java := l.client(t, "java")
	before := until(t, java, "live", func(s pipeline.Status) bool { return s.Live != nil })
	resp, err := http.PostForm(l.url+"/push/java", url.Values{})
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode, "it leads to the pipeline's page")
	after := until(t, java, "deployed", func(s pipeline.Status) bool { return s.Open == nil && s.Live.ID != before.Live.ID })
	assert.Equal(t, "This is java, version 2.\n", l.see(t, "java-production"))

	_, err = java.Do(t.Context(), pipeline.Rollback{Asked: pipeline.Asked{Reason: "checkout is broken"}, From: after.Live.ID})
	require.NoError(t, err)
	s := until(t, java, "rolled back", func(s pipeline.Status) bool { return s.Open == nil && s.Stop != nil })
	assert.Equal(t, before.Live.ID, s.Live.ID)
	assert.Equal(t, "This is java, version 1.\n", l.see(t, "java-production"))
}

func TestItIsReachedByItsOwnAddressOnly(t *testing.T) {
	l, err := newLocal(t.Context(), "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = l.server.Serve(l.listener) }()
	defer func() { require.NoError(t, l.clear()) }()
	defer l.server.Close()
	r, err := http.NewRequest(http.MethodGet, l.url+"/deploys/", nil)
	require.NoError(t, err)
	r.Host = "rebound.example"
	resp, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	resp.Body.Close()
	assert.Equal(t, http.StatusMisdirectedRequest, resp.StatusCode)

	_, err = newLocal(t.Context(), "0.0.0.0:0")
	assert.ErrorContains(t, err, "stays on this machine")
}

func TestInEarnestItSaysWhatIsMissing(t *testing.T) {
	t.Setenv("DEPLOYS_BUCKET", "")
	_, err := newCloud(t.Context())
	assert.ErrorContains(t, err, "DEPLOYS_BUCKET is not set")
	require.NoError(t, os.Unsetenv("DEPLOYS_BUCKET"))
}

func TestWhoActsInEarnestIsKnownByTheProxy(t *testing.T) {
	t.Setenv("USER_HEADER", "X-Forwarded-User")
	t.Setenv("OPERATORS", "ann,bob")
	r, err := http.NewRequest(http.MethodGet, "/", nil)
	require.NoError(t, err)
	_, err = byProxy(r, dashboard.Access{})
	require.ErrorIs(t, err, dashboard.ErrUnauthenticated)
	r.Header.Set("X-Forwarded-User", "eve")
	_, err = byProxy(r, dashboard.Access{})
	require.NoError(t, err)
	_, err = byProxy(r, dashboard.Access{Act: true})
	require.ErrorContains(t, err, "eve is not among those who may act")
	r.Header.Set("X-Forwarded-User", "ann")
	u, err := byProxy(r, dashboard.Access{Act: true})
	require.NoError(t, err)
	assert.Equal(t, "ann", u.Name)
}
