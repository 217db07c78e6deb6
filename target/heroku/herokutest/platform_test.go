package herokutest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target/heroku/herokutest"
)

// user asks a platform as curl would.
type user struct {
	t      *testing.T
	p      *herokutest.Platform
	client *http.Client
	base   string
	header http.Header // of the last answer
}

func newUser(t *testing.T, p *herokutest.Platform) *user {
	return &user{t: t, p: p, client: p.Client(), base: herokutest.Address}
}

func (u *user) ask(method, path, ranged string, in any) (int, string) {
	u.t.Helper()
	body, err := json.Marshal(in)
	require.NoError(u.t, err)
	r, err := http.NewRequestWithContext(u.t.Context(), method, u.base+path, bytes.NewReader(body))
	require.NoError(u.t, err)
	token, _ := u.p.Token(u.t.Context())
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Accept", "application/vnd.heroku+json; version=3")
	if ranged != "" {
		r.Header.Set("Range", ranged)
	}
	a, err := u.client.Do(r)
	require.NoError(u.t, err)
	defer a.Body.Close()
	text, err := io.ReadAll(a.Body)
	require.NoError(u.t, err)
	u.header = a.Header
	return a.StatusCode, string(text)
}

// slug makes one and uploads an artifact as its content.
func (u *user) slug(processes map[string]string, below string) (id string, status int) {
	u.t.Helper()
	status, text := u.ask("POST", "/apps/shop/slugs", "", map[string]any{"process_types": processes})
	require.Equal(u.t, http.StatusCreated, status, text)
	var s struct {
		ID   string
		Blob struct{ Method, URL string }
	}
	require.NoError(u.t, json.Unmarshal([]byte(text), &s))
	var packed bytes.Buffer
	require.NoError(u.t, build.PackBelow(u.t.Context(), &packed, buildtest.Artifact(map[string]string{"a": "1"}), below))
	r, err := http.NewRequest(http.MethodPut, s.Blob.URL, &packed)
	require.NoError(u.t, err)
	a, err := u.client.Do(r)
	require.NoError(u.t, err)
	a.Body.Close()
	return s.ID, a.StatusCode
}

func TestAnAppLivesAsItsDynosDo(t *testing.T) {
	p := herokutest.New()
	shop := p.Create("shop")
	shop.Polls = 1
	server := httptest.NewServer(p)
	defer server.Close()
	for _, u := range []*user{newUser(t, p), {t: t, p: p, client: server.Client(), base: server.URL}} {
		id, status := u.slug(map[string]string{"web": "run", "release": "migrate"}, "./app/")
		require.Equal(t, http.StatusOK, status)
		status, text := u.ask("POST", "/apps/shop/releases", "", map[string]string{"slug": id, "description": "mine"})
		require.Equal(t, http.StatusCreated, status)
		assert.Contains(t, text, `"status":"pending"`)
		_, text = u.ask("GET", "/apps/shop/dynos", "", nil)
		assert.Contains(t, text, `"type":"release"`)
		u.ask("GET", "/apps/shop/releases", "", nil) // it runs
		_, text = u.ask("GET", "/apps/shop/releases", "version ..; order=desc,max=1", nil)
		assert.Contains(t, text, `"current":true,"description":"mine"`)
		var all []struct {
			Output string `json:"output_stream_url"`
		}
		require.NoError(t, json.Unmarshal([]byte(text), &all))
		a, err := u.client.Get(all[0].Output)
		require.NoError(t, err)
		output, _ := io.ReadAll(a.Body)
		a.Body.Close()
		assert.Equal(t, "Running migrate\n", string(output))

		status, _ = u.ask("GET", "/web/shop/", "", nil)
		assert.Equal(t, http.StatusServiceUnavailable, status, "it starts")
		_, text = u.ask("GET", "/apps/shop/dynos", "", nil)
		assert.Contains(t, text, `"state":"starting"`)
		_, text = u.ask("GET", "/apps/shop/dynos", "", nil)
		assert.Contains(t, text, `"state":"up"`)
		status, text = u.ask("GET", "/web/shop/", "", nil)
		assert.Equal(t, http.StatusOK, status)
		assert.Equal(t, fmt.Sprintf("v%d\n", shop.Current().Version), text)
	}
}

func TestWhatIsNoSlugIsRefused(t *testing.T) {
	p := herokutest.New()
	p.Create("shop")
	u := newUser(t, p)
	id, status := u.slug(map[string]string{"web": "run"}, "./elsewhere/")
	assert.Equal(t, http.StatusBadRequest, status)
	status, text := u.ask("POST", "/apps/shop/releases", "", map[string]string{"slug": id})
	assert.Equal(t, http.StatusUnprocessableEntity, status, text)
	status, _ = u.ask("POST", "/apps/shop/releases", "", map[string]string{"slug": "none"})
	assert.Equal(t, http.StatusNotFound, status)
	status, _ = u.ask("POST", "/apps/shop/slugs", "", map[string]string{})
	assert.Equal(t, http.StatusUnprocessableEntity, status)
	status, _ = u.ask("GET", "/apps/shop/slugs/"+id, "", nil)
	assert.Equal(t, http.StatusOK, status)
}

func TestPagesFollowEachOther(t *testing.T) {
	p := herokutest.New()
	shop := p.Create("shop")
	for range 5 {
		shop.Configure("FOO")
	}
	u := newUser(t, p)
	var seen []int
	for next := "version ..; order=desc,max=3"; next != ""; next = u.header.Get("Next-Range") {
		status, text := u.ask("GET", "/apps/shop/releases", next, nil)
		var some []struct{ Version int }
		require.NoError(t, json.Unmarshal([]byte(text), &some))
		for _, r := range some {
			seen = append(seen, r.Version)
		}
		assert.Equal(t, len(seen) < 7, status == http.StatusPartialContent)
	}
	assert.Equal(t, []int{7, 6, 5, 4, 3, 2, 1}, seen)
	status, _ := u.ask("GET", "/apps/shop/releases", "nonsense", nil)
	assert.Equal(t, http.StatusRequestedRangeNotSatisfiable, status)
	_, text := u.ask("GET", "/apps/shop/releases", "version 6..", nil)
	assert.Contains(t, text, `"version":6`)
	assert.NotContains(t, text, `"version":5`)
}

func TestTheLimitIsToldAndKept(t *testing.T) {
	p := herokutest.New()
	p.Create("shop")
	p.Limit(1)
	u := newUser(t, p)
	status, _ := u.ask("GET", "/apps/shop", "", nil)
	assert.Equal(t, http.StatusOK, status)
	assert.Equal(t, "0", u.header.Get("RateLimit-Remaining"))
	status, text := u.ask("GET", "/apps/shop", "", nil)
	assert.Equal(t, http.StatusTooManyRequests, status)
	assert.Contains(t, text, `"id":"rate_limit"`)
}

func TestWhatIsBrokenIsBrokenAsAsked(t *testing.T) {
	p := herokutest.New()
	shop := p.Create("shop")
	server := httptest.NewServer(p)
	defer server.Close()
	for name, client := range map[string]*http.Client{herokutest.Address: p.Client(), server.URL: server.Client()} {
		id, _ := newUser(t, p).slug(map[string]string{"web": "run"}, "./app/")
		for _, c := range []struct {
			f       herokutest.Fault
			effects int
			fails   bool
		}{
			{herokutest.Fault{}, 1, false}, {herokutest.Fault{Twice: true}, 2, false}, {herokutest.Fault{Drop: true}, 1, true},
			{herokutest.Fault{Lose: true}, 0, true}, {herokutest.Fault{Half: true}, 1, true}, {herokutest.Fault{Refuse: 500}, 0, false},
			{herokutest.Fault{Twice: true, Drop: true}, 2, true},
		} {
			before := len(shop.Releases())
			p.Break(func(*http.Request) herokutest.Fault { return c.f })
			body := bytes.NewReader(fmt.Appendf(nil, `{"slug":%q}`, id))
			r, err := http.NewRequest("POST", name+"/apps/shop/releases", body)
			require.NoError(t, err)
			r.GetBody = nil // net/http would send it again by itself
			token, _ := p.Token(t.Context())
			r.Header.Set("Authorization", "Bearer "+token)
			r.Header.Set("Accept", "application/vnd.heroku+json; version=3")
			a, err := client.Do(r)
			if err == nil {
				_, err = io.ReadAll(a.Body)
				a.Body.Close()
			}
			assert.Equal(t, c.fails, err != nil, "%+v: %v", c.f, err)
			assert.Len(t, shop.Releases(), before+c.effects, "%+v", c.f)
		}
		p.Break(nil)
	}
}
