package platform_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/heroku/herokutest"
	"github.com/muster-deploy/muster/target/heroku/platform"
)

// client returns a client of the app shop that does not wait for long.
func client(p *herokutest.Platform) *platform.Client {
	return platform.New(platform.Options{App: "shop", Token: p.Token, API: herokutest.Address, HTTP: p.Client(), Pause: time.Millisecond})
}

func TestReleasesAreReadPageByPageAndNoFurtherThanNeeded(t *testing.T) {
	p := herokutest.New()
	shop := p.Create("shop")
	for range 349 {
		shop.Configure("FOO")
	}
	all, err := client(p).Releases(t.Context(), nil)
	require.NoError(t, err)
	require.Len(t, all, 351)
	for i, r := range all {
		require.Equal(t, 351-i, r.Version, "newest first, each once")
	}
	before := len(p.Requests())
	some, err := client(p).Releases(t.Context(), func(r []platform.Release) bool { return len(r) > 100 })
	require.NoError(t, err)
	assert.Len(t, some, 200)
	assert.Len(t, p.Requests()[before:], 2)
}

func TestDynosAreBehindUntilAllRunTheRelease(t *testing.T) {
	dyno := func(name, state string, version int) platform.Dyno {
		d := platform.Dyno{Name: name, Type: strings.Split(name, ".")[0], State: state}
		d.Release.Version = version
		return d
	}
	formation := []platform.Process{{Type: "web", Quantity: 2}, {Type: "worker", Quantity: 0}}
	for _, c := range []struct {
		dynos []platform.Dyno
		says  string // empty: none is
	}{
		{[]platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "idle", 7)}, ""},
		{[]platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "up", 7), dyno("run.1", "crashed", 7), dyno("release.1", "up", 8)}, ""},
		{[]platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "up", 7), dyno("web.3", "down", 6)}, ""},
		{[]platform.Dyno{dyno("web.1", "up", 7)}, "1 of 2 web dynos run v7"},
		{[]platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "starting", 7)}, "1 of 2 web dynos run v7, web.2 of v7 is starting"},
		{[]platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "up", 7), dyno("web.2", "up", 6)}, "2 of 2 web dynos run v7, web.2 of v6 is up"},
		{[]platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "crashed", 6)}, "1 of 2 web dynos run v7, web.2 of v6 is crashed"},
	} {
		err := platform.Dynos{Formation: formation, Running: c.dynos}.Behind(7)
		if c.says == "" {
			assert.NoError(t, err)
		} else {
			assert.EqualError(t, err, c.says)
		}
	}
	crashed := platform.Dynos{Formation: formation, Running: []platform.Dyno{dyno("web.1", "up", 7), dyno("web.2", "crashed", 7)}}
	assert.ErrorIs(t, crashed.Behind(7), platform.ErrCrashed)
	assert.ErrorContains(t, platform.Dynos{}.Behind(7), "heroku ps:scale web=1")
}

func TestAnOutputIsReadToItsEndAndKeptWithoutSecrets(t *testing.T) {
	var text atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text.Load()) }))
	defer server.Close()
	c := platform.New(platform.Options{App: "shop", Pause: time.Millisecond})
	for in, want := range map[string]string{
		"":                            "",
		"migrated\n":                  "migrated",
		"redis://:hunter2@cache:6379": "redis://:[secret]@cache:6379",
		strings.Repeat("x", 5000) + " mysql://u:p@h/d mail me@example.com": "mysql://u:[secret]@h/d mail me@example.com",
		strings.Repeat("line\n", 5000) + "\xff end":                        strings.Repeat("line\n", 818) + "? end",
		"postgres://shop:" + strings.Repeat("p", 4090) + "@db":             "",
	} {
		text.Store(in)
		got, err := c.Output(t.Context(), server.URL)
		require.NoError(t, err)
		assert.True(t, got == want, "%.40q", got)
	}
	_, err := c.Output(t.Context(), "http://127.0.0.1:0/?Signature=secret")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), "secret")
}

func TestATokenIsTakenOutOfWhatHerokuSays(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"id":"unauthorized","message":"no %s here"}`, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	c := platform.New(platform.Options{App: "shop", API: server.URL, Token: func(context.Context) (string, error) { return "t0ken", nil }})
	_, err := c.App(t.Context())
	require.ErrorContains(t, err, `GET /apps/shop: the token is wrong, revoked or expired: make another with heroku authorizations:create (Heroku says 401 unauthorized: "no Bearer [secret] here")`)
}

func FuzzProcesses(f *testing.F) {
	f.Add("web: ./shop\n# no\nworker:\t./work  \r\n")
	f.Add("web:\nweb: a: b\n")
	f.Add("web: a\f:, \v\nworker: \u00a0\n")
	f.Fuzz(func(t *testing.T, text string) {
		types, err := platform.Processes(fstest.MapFS{"Procfile": {Data: []byte(text)}})
		if err != nil {
			return
		}
		for name, command := range types {
			if name == "" || command == "" || strings.TrimSpace(command) != command || strings.ContainsAny(name, " :\n") {
				t.Errorf("process %q runs %q", name, command)
			}
		}
	})
}
