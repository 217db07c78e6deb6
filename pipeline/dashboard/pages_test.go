package dashboard_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/target"
)

// pagesOf are the pages that people read.
var pagesOf = []string{"/", "/p/web/", "/p/web/deploys/", "/p/web/deploys/42-3f9a1c0", "/p/web/do/hold", "/p/web/do/rollback", "/p/web/do/ship", "/p/web/do/resume", "/p/x/"}

func TestNoPageCanBeFramedOrLoadsAnythingFromElsewhere(t *testing.T) {
	s := shown(t, fake("web"))
	for _, path := range append([]string{"/static/style.css", "/static/page.js", "/static/icon.svg", "/api/pipelines", "/static/x"}, pagesOf...) {
		p := s.get(path)
		policy := p.header.Get("Content-Security-Policy")
		assert.Contains(t, policy, "frame-ancestors 'none'", path)
		assert.Contains(t, policy, "default-src 'none'", path)
		assert.NotContains(t, policy, "unsafe", path)
		assert.Equal(t, "DENY", p.header.Get("X-Frame-Options"), path)
		assert.Equal(t, "nosniff", p.header.Get("X-Content-Type-Options"), path)
		assert.Equal(t, "same-origin", p.header.Get("Referrer-Policy"), path)
		for _, m := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
			u, err := url.Parse(m[1])
			require.NoError(t, err)
			assert.Empty(t, u.Host, "%s names %s", path, m[1])
			assert.False(t, strings.HasPrefix(u.Path, "/"), "%s names %s, which is not below its prefix", path, m[1])
		}
		assert.NotRegexp(t, `<script[^>]*>[^<]|\son[a-z]+=|\sstyle="`, p.body, "%s has something inline", path)
	}
}

func TestEveryLinkLeadsSomewhereBelowAnyPrefix(t *testing.T) {
	f := fake("web")
	s := shown(t, f)
	links := regexp.MustCompile(`(?:src|href)="([^"#]*)"`)
	seen := map[string]bool{}
	for _, path := range pagesOf {
		base, err := url.Parse(s.url + path)
		require.NoError(t, err)
		for _, m := range links.FindAllStringSubmatch(s.get(path).body, -1) {
			u, err := base.Parse(strings.ReplaceAll(m[1], "&amp;", "&"))
			require.NoError(t, err)
			require.Contains(t, u.String(), "/tools/deploys/", "%s on %s", m[1], path)
			seen[strings.TrimPrefix(u.String(), s.url)] = true
		}
	}
	for link := range seen {
		if link != "/p/x/" {
			assert.Equal(t, http.StatusOK, s.get(link).code, link)
		}
	}
	assert.Greater(t, len(seen), 8)
	assert.Equal(t, "web/", s.get("/p/web").header.Get("Location"))
}

func TestItIsMountedWithoutAnySlashToo(t *testing.T) {
	d, err := dashboard.New(dashboard.Config{Pipelines: []pipeline.Pipeline{fake("web")}, Authorize: byHeader})
	require.NoError(t, err)
	defer d.Close()
	for _, strip := range []string{"/x/deploys", "/x/deploys/"} {
		for path, want := range map[string]int{"/x/deploys/": 200, "/x/deploys/p/web/": 200} {
			w := httptest.NewRecorder()
			http.StripPrefix(strip, d).ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
			if w.Code == http.StatusMovedPermanently {
				assert.Equal(t, "deploys/", w.Header().Get("Location"))
				continue
			}
			assert.Equal(t, want, w.Code, "%s at %s", path, strip)
		}
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Equal(t, http.StatusOK, w.Code)
	w = httptest.NewRecorder()
	http.StripPrefix("/x/deploys", d).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x/deploys", nil))
	assert.Equal(t, "deploys/", w.Header().Get("Location"))
}

// evil is text that would run, if it were taken for HTML.
const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)> javascript:alert(3) '{{.}}` + "\u202e"

func TestTextOfOthersIsOnlyText(t *testing.T) {
	f := fake("web")
	release := target.Release{ID: "42-3f9a1c0", Revision: evil, Digest: evil}
	now := time.Now()
	f.Update(func(s *pipeline.Status) {
		s.Reason = pipeline.Reason{Code: pipeline.CodeWaiting, Sentence: evil}
		s.Holds = []lock.Hold{{ID: evil, Scope: lock.Prefix(evil), By: evil, Reason: evil, Until: now.Add(time.Hour)}}
		s.Stop = &pipeline.Stop{ID: evil, Kind: pipeline.StopRollback, By: evil, Reason: evil, From: &release, To: &release}
		s.Open = &pipeline.Attempt{ID: evil, Kind: pipeline.KindDeploy, To: release, Subject: evil, By: evil, Reason: evil, Abort: &pipeline.Asked{By: evil, Reason: evil},
			Stages: map[string]*pipeline.StageProgress{evil: {Hooks: map[string]pipeline.HookState{evil: pipeline.HookBegun},
				Targets: map[string]pipeline.TargetProgress{evil: {Failed: []target.Unit{{Name: evil, Problem: evil}}}}}}}
		s.Wanted = &pipeline.Wanted{Asked: pipeline.Asked{ID: evil, By: evil, Reason: evil}, Revision: evil}
		s.Parked = []pipeline.Parked{{Revision: evil, Reason: evil}}
		s.Observed = map[string]pipeline.Observed{evil: {Off: []target.Unit{{Name: evil, Problem: evil}}}}
		s.Deployer = &lock.Grant{Holder: evil}
		s.Floor = evil
	})
	f.End(pipeline.Deploy{ID: "43-x", Kind: pipeline.KindDeploy, End: pipeline.RolledBack, To: release, From: &release, Batch: []string{evil}, Subject: evil,
		By: evil, Reason: evil, Why: evil + "!", Failed: []target.Unit{{Name: evil, Problem: evil}}, Began: now, Ended: now}, evil)
	s := serve(t, dashboard.Config{Pipelines: []pipeline.Pipeline{f}, Authorize: func(*http.Request, dashboard.Access) (dashboard.User, error) {
		return dashboard.User{Name: evil}, nil
	}, Title: evil, Change: func(_, revision string) string { return "javascript:alert(4)//" + revision }})
	bad := url.QueryEscape(evil)
	paths := append([]string{"/p/web/deploys/43-x", "/?q=" + bad + "&state=" + bad, "/p/web/?did=" + bad, "/p/web/deploys/?before=" + bad, "/p/web/do/lift?hold=" + bad,
		"/p/web/do/answer?deploy=" + bad + "&hook=" + bad, "/p/web/do/abort?deploy=" + bad, "/p/web/do/resume?stop=" + bad, "/p/" + url.PathEscape(evil) + "/"}, pagesOf...)
	for _, path := range paths {
		p := s.get(path)
		for _, bad := range []string{"<script>", "<img", `href="javascript:`, "\u202e"} {
			assert.False(t, strings.Contains(p.body, bad), "%s has %q", path, bad)
		}
	}
	assert.Contains(t, s.get("/p/web/deploys/43-x").body, "#ZgotmplZ", "an address that is a script is none")
	p := s.get("/p/web/deploys/43-x/log")
	assert.Equal(t, "text/plain; charset=utf-8", p.header.Get("Content-Type"), "a log is text")
	p = s.post("/p/web/do/hold", url.Values{"form": {"x"}, "reason": {evil}, "scope": {evil}, "until": {evil}})
	assert.NotContains(t, p.body, "<script>")
}

func TestTheSentenceSaysWhy(t *testing.T) {
	t.Parallel()
	f := fake("web")
	s := shown(t, f)
	hold := lock.Hold{ID: "h1", Scope: lock.All, By: "on-call", Reason: "db migration"}
	for _, x := range []struct {
		change func(*pipeline.Status)
		word   string
		says   string
	}{
		{func(s *pipeline.Status) { s.Holds = []lock.Hold{hold} }, "Held", `held by on-call: "db migration"`},
		{func(s *pipeline.Status) {
			s.Holds = nil
			s.Reason = pipeline.Reason{Code: pipeline.CodePending, Sentence: "CI has not finished for 77aa010"}
		}, "Waits for CI", "CI has not finished for 77aa010"},
		{func(s *pipeline.Status) {
			s.Reason = pipeline.Reason{Code: pipeline.CodeAlarm, Sentence: "3f9a1c0 is live, but its verdict turned red after that"}
		}, "Alarm", "its verdict turned red"},
		{func(s *pipeline.Status) { s.Stop = &pipeline.Stop{ID: "43-rollback", By: "ann", Reason: "broken"} }, "Stopped", `broken`},
		{func(s *pipeline.Status) {
			s.Open = &pipeline.Attempt{ID: "43-rollback", Kind: pipeline.KindRollback, To: target.Release{ID: "41-1111111"}}
		}, "Rolling back", "Rolling back to 41-1111111"},
	} {
		f.Update(x.change)
		require.Eventually(t, func() bool {
			text := s.get("/p/web/").text()
			return strings.Contains(text, x.word) && strings.Contains(text, x.says)
		}, time.Minute, 50*time.Millisecond, x.word)
	}
	f.Fail(errors.New("no route to the store"))
	require.Eventually(t, func() bool { return strings.Contains(s.get("/p/web/").text(), "cannot be read: no route to the store") }, time.Minute, 50*time.Millisecond)
	assert.Contains(t, s.get("/p/web/").text(), "42-3f9a1c0", "what was known is still shown")
}

func TestAHistoryOfManyPagesIsReadPageByPage(t *testing.T) {
	f := fake("web")
	for i := range 120 {
		f.End(pipeline.Deploy{ID: fmt.Sprintf("%d-a", i), Kind: pipeline.KindDeploy, End: pipeline.Live, Ended: time.Now(), Began: time.Now()}, "")
	}
	s := shown(t, f)
	var ids []string
	for path := "/p/web/deploys/"; path != ""; {
		p := s.get(path)
		for _, m := range regexp.MustCompile(`deploys/(\d+-[a-f0-9]+)"`).FindAllStringSubmatch(p.body, -1) {
			ids = append(ids, m[1])
		}
		path = ""
		if m := regexp.MustCompile(`href="(\?before=[^"]*)"`).FindStringSubmatch(p.body); m != nil {
			path = "/p/web/deploys/" + m[1]
		}
	}
	assert.Len(t, ids, 121)
	assert.Equal(t, "42-3f9a1c0", ids[120])
	assert.Contains(t, s.get("/p/web/deploys/42-3f9a1c0").text(), "15:04:09 live")
	assert.Equal(t, http.StatusNotFound, s.get("/p/web/deploys/999-x").code)
}

func TestTheChartCountsAndCanBeReadAsATable(t *testing.T) {
	t.Parallel()
	f := fake("web")
	now := time.Now().UTC()
	undone := target.Release{ID: "42-3f9a1c0"}
	f.End(pipeline.Deploy{ID: "49-rollback", Kind: pipeline.KindRollback, End: pipeline.RolledBack, From: &undone, Began: now, Ended: now}, "")
	f.End(pipeline.Deploy{ID: "49-again", Kind: pipeline.KindRollback, End: pipeline.RolledBack, From: &target.Release{ID: "52-a"}, Began: now, Ended: now}, "")
	for i, end := range []pipeline.End{pipeline.Live, pipeline.Unchanged, pipeline.RolledBack, pipeline.Superseded} {
		f.End(pipeline.Deploy{ID: fmt.Sprintf("5%d-a", i), Kind: pipeline.KindDeploy, End: end, Began: now, Ended: now}, "")
	}
	s := shown(t, f)
	var p page
	require.Eventually(t, func() bool { p = s.get("/p/web/"); return strings.Contains(p.body, "<svg") }, time.Minute, 20*time.Millisecond)
	assert.Contains(t, p.text(), "3 went live")
	assert.Contains(t, p.text(), "2 failed or were rolled back")
	assert.Contains(t, p.body, `role="img" aria-label="In the last 28 days 3 deploys went live and 2 failed or were rolled back`)
	assert.Contains(t, p.body, `<th scope="row">`+now.Format("Mon 2 Jan")+`</th>`)
	assert.Equal(t, 1, strings.Count(p.body, `<rect class="lost"`))
}

func TestEveryTextHasContrastEnough(t *testing.T) {
	css, err := os.ReadFile("static/style.css")
	require.NoError(t, err)
	for i, block := range regexp.MustCompile(`(?s):root \{(.*?)\n *\}`).FindAllStringSubmatch(string(css), -1) {
		colour := map[string]string{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(block[1], -1) {
			colour[m[1]] = m[2]
		}
		require.Greater(t, len(colour), 12, "theme %d", i)
		for _, ground := range []string{"ground", "card", "fine-tint", "held-tint", "halt-tint"} {
			for _, ink := range []string{"ink", "soft", "link", "fine", "busy", "wait", "held", "halt", "bad"} {
				assert.GreaterOrEqual(t, contrast(t, colour[ink], colour[ground]), 4.5, "theme %d: %s on %s", i, ink, ground)
			}
		}
		for _, button := range []string{"link", "halt"} {
			assert.GreaterOrEqual(t, contrast(t, colour["on"], colour[button]), 4.5, "theme %d: button %s", i, button)
		}
		assert.GreaterOrEqual(t, contrast(t, colour["lost"], colour["card"]), 3.0, "theme %d: bars", i)
	}
}

// contrast is the ratio that WCAG defines.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	require.NoError(t, err, hex)
	sum := 0.0
	for i, weight := range []float64{0.0722, 0.7152, 0.2126} {
		c := float64(n>>(8*i)&0xff) / 255
		if c <= 0.03928 {
			c /= 12.92
		} else {
			c = pow24((c + 0.055) / 1.055)
		}
		sum += weight * c
	}
	return sum
}
