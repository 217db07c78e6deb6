//go:build integration

package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest/browsertest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/dashboard"
)

// boards serves one dashboard after the other at one address, as a tool that is
// deployed anew does.
type boards struct {
	now atomic.Pointer[dashboard.Dashboard]
}

func (b *boards) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.now.Load().ServeHTTP(w, r) }

func (b *boards) start(t *testing.T, p pipeline.Pipeline) {
	t.Helper()
	d, err := dashboard.New(dashboard.Config{Pipelines: []pipeline.Pipeline{p}, Authorize: byHeader, Refresh: 100 * time.Millisecond})
	require.NoError(t, err)
	if last := b.now.Swap(d); last != nil {
		last.Close()
	}
}

// TestRealBrowserConnectsAgain leaves a tab open while the server is started anew.
func TestRealBrowserConnectsAgain(t *testing.T) {
	f, b := fake("web"), &boards{}
	b.start(t, f)
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	tab := browsertest.Open(t)
	t.Cleanup(func() { b.now.Load().Close() }) // before the server waits for its streams
	tab.Go(s.URL + "/p/web/")
	tab.Eval(`window.mark = "the same page"`)
	f.Update(func(s *pipeline.Status) { s.Reason.Sentence = "first news" })
	tab.Wait(`document.querySelector("#said").innerText.includes("first news")`)

	b.start(t, f)
	f.Update(func(s *pipeline.Status) { s.Reason.Sentence = "second news" })
	tab.Wait(`document.querySelector(".why").innerText === "Second news."`)
	tab.Wait(`document.querySelector("#spoken").innerText.includes("second news")`)
	tab.Wait(`document.querySelector("#link").innerText === ""`)
	assert.Equal(t, "the same page", tab.Eval("window.mark"))

	// Who stands on a button stays on it while the page goes on.
	tab.Eval(`document.querySelector("a[href='do/hold']").focus()`)
	f.Update(func(s *pipeline.Status) { s.Reason.Sentence = "third news" })
	tab.Wait(`document.querySelector(".why").innerText === "Third news."`)
	assert.Equal(t, "Hold", tab.Eval("document.activeElement.innerText"))
}

// TestRealBrowserFindsPagesThatEverybodyCanUse looks at every page with the eyes of a
// small phone and of a screen reader.
func TestRealBrowserFindsPagesThatEverybodyCanUse(t *testing.T) {
	f, b := fake("a-team/a-service-with-a-long-name"), &boards{}
	f.Update(func(s *pipeline.Status) {
		s.Holds = []lock.Hold{{ID: "h1", Scope: lock.All, By: "on-call", Reason: "averylongreasonwithoutanyspacesinitatallwhichdoesnotfitononeline"}}
	})
	b.start(t, f)
	s := httptest.NewServer(b)
	t.Cleanup(s.Close)
	tab := browsertest.Open(t)
	t.Cleanup(func() { b.now.Load().Close() })
	tab.Look(320, 640, false)
	at := "/p/a-team.a-service-with-a-long-name/"
	for _, path := range []string{"/", at, at + "deploys/", at + "deploys/42-3f9a1c0", at + "do/hold", at + "do/ship", at + "do/rollback", at + "do/lift?hold=h1", "/nowhere"} {
		tab.Go(s.URL + path)
		for what, expression := range map[string]string{
			"fits on a phone":            `document.documentElement.scrollWidth <= 320`,
			"has a title and a language": `document.title && document.documentElement.lang`,
			"has one heading of its own": `document.querySelectorAll("h1").length === 1`,
			"has its landmarks":          `document.querySelector("main") && document.querySelector("header nav[aria-label]") && document.querySelector("footer")`,
			"labels every field":         `[...document.querySelectorAll("input:not([type=hidden]), textarea, select")].every(e => e.labels.length)`,
			"names every link":           `[...document.querySelectorAll("a, button")].every(e => e.innerText.trim() || e.textContent.trim())`,
			"has no id twice":            `(ids => new Set(ids).size === ids.length)([...document.querySelectorAll("[id]")].map(e => e.id))`,
			"can be hit by a thumb":      `[...document.querySelectorAll(".btn")].every(e => e.getBoundingClientRect().height >= 44)`,
			"begins with a way past":     `document.querySelector("a").classList.contains("skip")`,
		} {
			assert.Equal(t, "true", tab.Eval("!!("+expression+")"), "%s %s", path, what)
		}
	}
}
