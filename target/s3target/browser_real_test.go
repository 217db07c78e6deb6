//go:build integration

package s3target_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/internal/partstest/browsertest"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

// tab is the script of a page. In the outermost one it has the next release activated,
// and rolled back, opens the site in frames all the while, and loads a chunk of its own
// release after each.
const tab = `
const mine = %d
async function frame() {
  const f = document.createElement("iframe")
  const ready = new Promise(r => addEventListener("message", e => { if (e.source === f.contentWindow) r(e.data) }))
  f.src = "/"
  document.body.append(f)
  const seen = await ready
  f.remove()
  return seen
}
async function during(step) {
  let over = false
  const seen = []
  const work = fetch(step).then(a => { over = true; return a.ok })
  do seen.push(await frame()); while (!over)
  seen.push(await frame())
  if (!await work) throw step
  return step + " ended with " + seen.at(-1)
}
async function run() {
  const said = []
  said.push(await during("/deploy"))
  said.push((await import("/assets/lazy-a-0000000" + mine + ".js")).default)
  said.push(await during("/rollback"))
  said.push((await import("/assets/lazy-b-0000000" + mine + ".js")).default)
  return said.join("; ")
}
if (parent === window) run().then(s => document.title = s, e => document.title = "failed: " + e)
else parent.postMessage("release " + mine, "*")
`

// app is the n-th release of a site with lazy chunks.
func app(n int) *build.Artifact {
	return site(map[string]string{
		"index.html":                            fmt.Sprintf(`<!doctype html><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css"><body><script type="module" src="/assets/app-%08d.js"></script>`, n),
		"style.css":                             fmt.Sprintf("body { margin: %dpx }", n),
		fmt.Sprintf("assets/app-%08d.js", n):    fmt.Sprintf(tab, n),
		fmt.Sprintf("assets/lazy-a-%08d.js", n): fmt.Sprintf("export default 'lazy a of %d'", n),
		fmt.Sprintf("assets/lazy-b-%08d.js", n): fmt.Sprintf("export default 'lazy b of %d'", n),
	})
}

// front serves a bucket as a website does, and notes what failed.
type front struct {
	server *s3servertest.Server
	bucket string
	mu     sync.Mutex
	served int
	failed []string
}

func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := strings.TrimPrefix(r.URL.Path, "/")
	if key == "" || strings.HasSuffix(key, "/") {
		key += "index.html"
	}
	out, err := f.server.Client().GetObject(r.Context(), &s3.GetObjectInput{Bucket: &f.bucket, Key: &key})
	f.mu.Lock()
	f.served++
	if err != nil && r.Context().Err() == nil {
		f.failed = append(f.failed, fmt.Sprintf("%s: %v", r.URL.Path, err))
	}
	f.mu.Unlock()
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	defer out.Body.Close()
	w.Header().Set("Content-Type", *out.ContentType)
	w.Header().Set("Cache-Control", *out.CacheControl)
	_, _ = io.Copy(w, out.Body)
}

func TestRealBrowserSeesNoFailedRequest(t *testing.T) {
	server := s3servertest.Start(t)
	f := &front{server: server, bucket: server.Bucket(t)}
	s, err := s3target.New(s3target.Config{Client: server.Client(), Bucket: f.bucket})
	require.NoError(t, err)
	number := uint64(0)
	order := func(n int) target.Order {
		number++
		return target.Order{Number: number, Release: target.Release{ID: fmt.Sprint(n), Digest: app(n).Digest}}
	}
	require.NoError(t, s.Prepare(t.Context(), order(1), app(1)))
	require.NoError(t, s.Activate(t.Context(), order(1)))

	mux := http.NewServeMux()
	mux.Handle("/", f)
	step := func(path string, do func() error) {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(300 * time.Millisecond) // Frames are open before, too.
			if err := do(); err != nil {
				t.Errorf("%s: %v", path, err)
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	step("/deploy", func() error {
		if err := s.Prepare(t.Context(), order(2), app(2)); err != nil {
			return err
		}
		return s.Activate(t.Context(), order(2))
	})
	step("/rollback", func() error { return s.Activate(t.Context(), order(1)) })
	web := httptest.NewServer(mux)
	t.Cleanup(web.Close)

	dom := browsertest.DOM(t, web.URL)
	assert.Contains(t, dom, "<title>/deploy ended with release 2; lazy a of 1; /rollback ended with release 1; lazy b of 1</title>")
	f.mu.Lock()
	defer f.mu.Unlock()
	assert.Empty(t, f.failed)
	assert.Greater(t, f.served, 10)
}
