//go:build integration

package main

import (
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/partstest/browsertest"
	"github.com/muster-deploy/muster/pipeline"
)

// tab is somebody who operates the deployer in a browser.
type tab struct {
	*browsertest.Tab
	t    *testing.T
	dir  string // of the screenshots
	site *onThisMachine
}

// shot makes pictures of the page: on a desk, in the dark and on a phone.
func (b *tab) shot(name string) {
	for look, size := range map[string][2]int{"desk": {1280, 900}, "dark": {1280, 900}, "phone": {390, 844}} {
		b.Look(size[0], size[1], look == "dark")
		b.Screenshot(filepath.Join(b.dir, name+"-"+look+".png"))
	}
	b.Look(1280, 900, false)
}

// says waits until the page says something.
func (b *tab) says(text string) {
	b.t.Helper()
	b.Wait(`document.body.innerText.includes(` + "`" + text + "`" + `)`)
}

// to goes to what is on the page, key by key.
func (b *tab) to(selector string) {
	b.t.Helper()
	for range 60 {
		if b.Eval(`!!document.activeElement && document.activeElement.matches("`+selector+`")`) == "true" {
			require.NotEqual(b.t, "none", b.Eval("getComputedStyle(document.activeElement).outlineStyle"), "the focus is seen")
			return
		}
		b.Press("Tab")
	}
	b.t.Fatalf("%s is not reached by the keyboard", selector)
}

// push pushes a change and returns its id.
func (b *tab) push(app string) string {
	b.t.Helper()
	resp, err := http.PostForm(b.site.url+"/push/"+app, url.Values{})
	require.NoError(b.t, err)
	resp.Body.Close()
	for _, r := range b.site.repositories {
		if r.name == app {
			revision, err := r.git(b.t.Context(), "rev-parse", "HEAD")
			require.NoError(b.t, err)
			return revision
		}
	}
	b.t.Fatalf("no app %s", app)
	return ""
}

func TestRealBrowserSteersARunningDeployer(t *testing.T) {
	l := running(t)
	b := &tab{Tab: browsertest.Open(t), t: t, dir: os.Getenv("MUSTER_SCREENSHOTS"), site: l}
	if b.dir == "" {
		b.dir = t.TempDir()
	}
	t.Cleanup(func() { l.board.Close() })
	b.Look(1280, 900, false)
	page := l.url + "/deploys/p/intercom.rails/"

	// The first deploys, without a reload.
	b.Go(l.url + "/deploys/")
	b.Wait(`[...document.querySelectorAll(".rows .m.fine")].length === 3`)
	b.says("3 went live")
	b.shot("overview")

	// A hold, by keyboard alone.
	b.Go(page)
	b.to("a[href='do/hold']")
	b.Press("Enter")
	b.says("pauses at its next batch")
	b.shot("hold")
	b.to("#reason")
	b.Type("the database is being moved")
	b.to(".go button")
	b.Press("Enter")
	b.says("The hold is recorded")
	b.says(`the database is being moved`)

	// A change waits, and says why.
	change := b.push("rails")
	until(t, l.client(t, "rails"), "judged", func(pipeline.Status) bool {
		b.Wait(`document.querySelector("#change")`)
		// The answer of the time before is not this one's.
		b.Eval(`document.querySelector("#answer")?.remove(); document.querySelector("#change").value = "` + change[:10] + `"; document.querySelector(".ask").requestSubmit()`)
		b.Wait(`document.querySelector("#answer")`)
		return strings.HasPrefix(b.Eval(`document.querySelector("#answer")?.innerText ?? ""`), "Held by ")
	})
	b.shot("held")
	assert.Equal(t, "This is rails, version 1.\n", l.see(t, "rails-production"))

	// The hold is lifted, and the rollout is watched: nothing is reloaded.
	b.Eval(`document.querySelector("[id^=lift-]").click()`)
	b.says("This hold is lifted, and no other")
	b.Eval(`document.querySelector(".go button").click()`)
	b.says("The hold is lifted.")
	b.Wait(`document.querySelector(".steps li.busy")`)
	b.Wait(`document.querySelector(".steps .units")`)
	b.shot("rollout")
	b.says("2-" + change[:7] + " ended: live")
	b.Wait(`document.querySelector(".title .m.fine")`)
	assert.Equal(t, "This is rails, version 2.\n", l.see(t, "rails-production"))

	// A rollback, without scripts.
	b.Scripts(false)
	b.Go(page)
	b.says("This page shows the moment at which it was made.")
	b.Go(page + "do/rollback?release=2-" + change[:7])
	b.says("first live")
	b.shot("rollback")
	b.to("#reason")
	b.Type("checkout <b>is</b> broken")
	b.to(".go button")
	b.Press("Enter")
	b.says("The rollback is recorded, and automation is stopped.")
	until(t, l.client(t, "rails"), "rolled back", func(s pipeline.Status) bool { return s.Stop != nil && s.Open == nil })
	b.Go(page)
	b.says("checkout <b>is</b> broken")
	b.shot("stopped")
	assert.Equal(t, "This is rails, version 1.\n", l.see(t, "rails-production"))

	// A fix, and a resume from it.
	b.Scripts(true)
	fix := b.push("rails")
	b.Go(page)
	b.Wait(`document.querySelector("a[href^='do/resume']")`)
	until(t, l.client(t, "rails"), "judged", func(pipeline.Status) bool {
		b.Go(page + "do/resume")
		return strings.Contains(b.Eval("document.body.innerText"), fix[:7])
	})
	b.shot("resume")
	b.Eval(`document.querySelector("input[name=change]").click(); document.querySelector(".go button").click()`)
	b.says("The pipeline is resumed.")
	b.says("-" + fix[:7] + " ended: live")
	b.Wait(`document.querySelector(".title .m.fine")`)
	b.shot("live")
	assert.Equal(t, "This is rails, version 3.\n", l.see(t, "rails-production"))
	assert.Empty(t, b.Complaints(), "the console is silent: no policy was broken, nothing is missing")
}
