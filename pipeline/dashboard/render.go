package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline/words"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static
var staticFiles embed.FS

// pages are the templates. All text of others goes through html/template.
var pages = template.Must(template.New("").Funcs(template.FuncMap{
	"short": words.Short, "took": words.Took, "count": words.Count, "clean": words.Clean, "segment": segment,
	"capital": words.Capital,
}).ParseFS(pageFiles, "pages/*.html"))

// build names this version of the stylesheet, the script and the templates: a page of
// another one loads itself again.
var build = func() string {
	sum := sha256.New()
	for _, files := range []fs.FS{pageFiles, staticFiles} {
		_ = fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() {
				data, _ := fs.ReadFile(files, name)
				sum.Write(data)
			}
			return nil
		})
	}
	return hex.EncodeToString(sum.Sum(nil))[:12]
}()

// static serves the stylesheet, the script and the icon. Their names carry the build.
func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	data, err := staticFiles.ReadFile("static/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", mime.TypeByExtension(path.Ext(name)))
	w.Header().Set("Cache-Control", "public, max-age=86400")
	if r.URL.Query().Get("v") == build {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(data)
}

// clock says times as they are seen when a page is made.
type clock struct{ Now time.Time }

// Ago says how long ago t was.
func (c clock) Ago(t time.Time) string { return words.Ago(c.Now, t) }

// When says t as short as can be.
func (c clock) When(t time.Time) string { return words.When(c.Now, t) }

// Full says t with its date and zone.
func (c clock) Full(t time.Time) string {
	return t.In(c.Now.Location()).Format("Mon 2 Jan 2006 15:04:05 MST")
}

// At is t in the zone of the page.
func (c clock) At(t time.Time) time.Time { return t.In(c.Now.Location()) }

// ISO says t for programs.
func (c clock) ISO(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// frame is what every page has around its content.
type frame struct {
	clock
	Site, Title, User string
	Root              string // the way to the dashboard's root, relative to the page
	Build             string
	Events            string // where the page's event stream is; empty: it has none
	Crumbs            []crumb
	Zone              string
}

// crumb is a page above this one.
type crumb struct{ Name, Path string }

// frame returns the frame of the page that r asks for.
func (d *Dashboard) frame(r *http.Request, user User, title string) frame {
	now := time.Now().In(d.c.Zone)
	return frame{clock: clock{now}, Site: d.c.Title, Title: title, User: user.Name, Build: build,
		Root: root(r.URL.Path), Zone: now.Format("MST")}
}

// root is the way from a path up to the dashboard's root.
func root(path string) string {
	if n := strings.Count(path, "/") - 1; n > 0 {
		return strings.Repeat("../", n)
	}
	return "./"
}

// show answers with a page.
func (d *Dashboard) show(w http.ResponseWriter, code int, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		d.c.Log.Error("render page", "page", name, "error", err)
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(visible(b.Bytes()))
}

// visible drops the characters that hide what stands around them or turn its direction,
// wherever in a page they are: no text of ours has any.
func visible(page []byte) []byte {
	return bytes.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return words.Printable(r)
	}, page)
}

// apology is a page that says what went wrong.
type apology struct {
	frame
	Sentence string
}

// sorry says what went wrong: to a program in its own form.
func (d *Dashboard) sorry(w http.ResponseWriter, r *http.Request, code int, title, sentence string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		writeError(w, code, apiError{Error: sentence})
		return
	}
	d.show(w, code, "sorry", apology{d.frame(r, User{}, title), sentence})
}

// refused says that the Authorize function said no.
func (d *Dashboard) refused(w http.ResponseWriter, r *http.Request, err error) {
	code, title := http.StatusForbidden, "You may not do this"
	switch {
	case errors.Is(err, ErrUnauthenticated):
		code, title = http.StatusUnauthorized, "Who are you?"
	case errors.Is(err, errNameless):
		code, title = http.StatusInternalServerError, "The dashboard is not set up right"
	}
	d.sorry(w, r, code, title, words.Capital(words.Clean(err.Error()))+".")
}
