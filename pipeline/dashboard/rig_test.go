package dashboard_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// byHeader takes the user from a header, and lets everybody do everything.
func byHeader(r *http.Request, _ dashboard.Access) (dashboard.User, error) {
	name := r.Header.Get("User")
	if name == "" {
		name = "ann"
	}
	return dashboard.User{Name: name, Session: r.Header.Get("Session")}, nil
}

// site is a dashboard that is served.
type site struct {
	t     *testing.T
	url   string // without the last slash
	board *dashboard.Dashboard
}

// serve serves a dashboard below a prefix until the test ends.
func serve(t *testing.T, c dashboard.Config) *site {
	t.Helper()
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	d, err := dashboard.New(c)
	require.NoError(t, err)
	mux := http.NewServeMux()
	mux.Handle("/tools/deploys/", http.StripPrefix("/tools/deploys", d))
	s := httptest.NewServer(mux)
	t.Cleanup(func() { d.Close(); s.Close() })
	return &site{t: t, url: s.URL + "/tools/deploys", board: d}
}

// shown serves pipelines to everybody.
func shown(t *testing.T, pipelines ...pipeline.Pipeline) *site {
	t.Helper()
	return serve(t, dashboard.Config{Pipelines: pipelines, Authorize: byHeader})
}

// page is an answer.
type page struct {
	code   int
	body   string
	header http.Header
}

// text is the page as it is read: without tags.
func (p page) text() string {
	return html.UnescapeString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(p.body, ""))
}

// noRedirect shows where an answer would send the browser.
var noRedirect = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// send sends a request with headers, as "Name: value".
func (s *site) send(method, path string, body io.Reader, headers ...string) page {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, body)
	require.NoError(s.t, err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := noRedirect.Do(r)
	require.NoError(s.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	return page{resp.StatusCode, string(data), resp.Header}
}

func (s *site) get(path string, headers ...string) page {
	s.t.Helper()
	return s.send(http.MethodGet, path, nil, headers...)
}

// post sends a form.
func (s *site) post(path string, in url.Values, headers ...string) page {
	s.t.Helper()
	return s.send(http.MethodPost, path, strings.NewReader(in.Encode()), append([]string{"Content-Type: application/x-www-form-urlencoded"}, headers...)...)
}

// open opens a form and returns what its hidden field carries.
func (s *site) open(path string, headers ...string) string {
	s.t.Helper()
	p := s.get(path, headers...)
	require.Equal(s.t, http.StatusOK, p.code, p.text())
	return sealOf(s.t, p)
}

func sealOf(t *testing.T, p page) string {
	t.Helper()
	m := regexp.MustCompile(`name="form" value="([^"]*)"`).FindStringSubmatch(p.body)
	require.NotNil(t, m, p.text())
	return m[1]
}

// fake is a pipeline with two releases to go back to and one deploy in its history.
func fake(name string) *pipelinetest.Fake {
	p := pipelinetest.NewFake(name)
	p.SetLive("41-1111111", "1111111")
	p.SetLive("42-3f9a1c0", "3f9a1c0")
	p.Update(func(s *pipeline.Status) { s.Epoch = 3 })
	at := time.Now().Add(-time.Hour)
	p.End(pipeline.Deploy{ID: "42-3f9a1c0", Kind: pipeline.KindDeploy, End: pipeline.Live, Began: at.Add(-time.Minute), Ended: at,
		To: target.Release{ID: "42-3f9a1c0", Revision: "3f9a1c0"}, Batch: []string{"3f9a1c0", "2222222"}, Subject: "Show prices"}, "15:04:05 built\n15:04:09 live\n")
	return p
}

// branch is a source and a CI in memory.
type branch struct {
	mu      sync.Mutex
	changes []pipeline.Change // newest first
}

func (b *branch) commit(subject string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	revision := fmt.Sprintf("%040x", len(b.changes)+0x1000001)
	b.changes = slices.Insert(b.changes, 0, pipeline.Change{Revision: revision, Author: "dev", Subject: subject, Time: time.Now()})
	return revision
}

// Changes implements pipeline.Source.
func (b *branch) Changes(_ context.Context, to string) ([]pipeline.Change, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.changes, func(c pipeline.Change) bool { return c.Revision == to })
	switch {
	case to == "":
		return slices.Clone(b.changes), nil
	case i < 0:
		return nil, pipeline.ErrNotOnBranch
	}
	return slices.Clone(b.changes[:i+1]), nil
}

// IsAncestor implements pipeline.Source.
func (b *branch) IsAncestor(_ context.Context, a, d string) (bool, error) { return a >= d, nil }

// Verdicts implements pipeline.CI: everything passed.
func (b *branch) Verdicts(_ context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	all := map[string]pipeline.Verdict{}
	for _, r := range revisions {
		all[r] = pipeline.Passed
	}
	return all, nil
}

// place is a pipeline with an engine, everything in memory.
type place struct {
	branch
	store *lock.Memory
	logs  build.Store
	*pipeline.Engine
	fleet *targettest.Memory
}

func newPlace(t testing.TB, name string, change ...func(*pipeline.Config)) *place {
	t.Helper()
	p := &place{store: &lock.Memory{}, logs: &build.MemoryStore{}, fleet: targettest.NewMemory("fleet", "a", "b", "c")}
	p.fleet.Batch = 1
	c := pipeline.Config{Name: name, Source: &p.branch, CI: &p.branch, Builds: &buildtest.Builds{}, Store: p.store, Logs: p.logs,
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{p.fleet}}}, Poll: time.Hour, Converge: time.Hour}
	for _, f := range change {
		f(&c)
	}
	e, err := pipeline.New(c)
	require.NoError(t, err)
	p.Engine = e
	return p
}

// ship commits a change and deploys it.
func (p *place) ship(t testing.TB, subject string) string {
	t.Helper()
	revision := p.commit(subject)
	require.NoError(t, p.Settle(context.Background()))
	return revision
}
