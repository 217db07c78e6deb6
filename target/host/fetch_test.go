package host_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/httpdepot"
)

// web is a depot, and the network before it.
type web struct {
	*httpdepot.Depot
	requests atomic.Int64
	fail     atomic.Pointer[func(http.ResponseWriter, *http.Request) bool] // true: it has answered
}

func (w *web) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.requests.Add(1)
	if f := w.fail.Load(); f != nil && (*f)(rw, r) {
		return
	}
	w.Depot.ServeHTTP(rw, r)
}

func (w *web) failing(f func(http.ResponseWriter, *http.Request) bool) { w.fail.Store(&f) }

// newFetching returns a host that fetches, by a transport that carries only text.
func newFetching(t *testing.T) (*journey, *web) {
	t.Helper()
	needClient(t)
	w := &web{}
	s := httptest.NewServer(w)
	t.Cleanup(s.Close)
	var err error
	w.Depot, err = httpdepot.New(httpdepot.Config{Dir: t.TempDir(), URL: s.URL + "/"})
	require.NoError(t, err)
	j := newJourney(t, func(c *host.Config) { c.Packs = &host.Packs{Depot: w.Depot} })
	j.transport.before = func(c host.Call) host.Call {
		text, err := c.Inline()
		require.NoError(t, err)
		file := filepath.Join(t.TempDir(), "script")
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
		c.Script, c.Args, c.Stdin = `exec sh "$1"`, []string{file}, nil
		return c
	}
	return j, w
}

func TestHostFetchesByURL(t *testing.T) {
	t.Parallel()
	j, w := newFetching(t)
	j.ship(artifact(1))
	j.ship(artifact(2))
	j.serves(artifact(2))
	require.EqualValues(t, 4, w.requests.Load(), "a manifest and a pack for each")
	require.NoError(t, j.prepare(artifact(2)))
	require.EqualValues(t, 4, w.requests.Load(), "what is there is not fetched")
	left, err := filepath.Glob(filepath.Join(j.root, ".muster", "tmp-*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestEveryShellFetches(t *testing.T) {
	t.Parallel()
	for name, path := range shells(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, w := newFetching(t)
			inline := j.transport.before
			j.transport.before = func(c host.Call) host.Call {
				c = inline(c)
				c.Script, c.Args = `exec "$2" "$1"`, append(c.Args, path)
				return c
			}
			var once atomic.Bool
			w.failing(func(rw http.ResponseWriter, r *http.Request) bool {
				return once.CompareAndSwap(false, true) && cutOff(rw)
			})
			j.ship(artifact(1))
			j.serves(artifact(1))
		})
	}
}

// cutOff ends an answer in its midst.
func cutOff(rw http.ResponseWriter) bool {
	rw.Header().Set("Content-Length", "1000000")
	_, _ = rw.Write([]byte("muster"))
	conn, _, err := rw.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
	return true
}

func TestFetchGoesOnWhereItWasCutOff(t *testing.T) {
	t.Parallel()
	for _, without := range []string{"", "curl"} {
		j, w := newFetching(t)
		if without != "" {
			needWget(t)
			j.transport.Env = lacking(t, without)
		}
		var ranges lines
		w.failing(func(rw http.ResponseWriter, r *http.Request) bool {
			from := r.Header.Get("Range")
			_, _ = io.WriteString(&ranges, from+";")
			if from != "" && from != "bytes=0-" {
				return false
			}
			half := &halfway{ResponseWriter: rw}
			w.Depot.ServeHTTP(half, r)
			return true
		})
		j.ship(artifact(1))
		j.serves(artifact(1))
		require.Contains(t, ranges.String(), "bytes=100-;", without)
	}
}

// halfway sends the first hundred bytes of an answer.
type halfway struct {
	http.ResponseWriter
	n int
}

func (h *halfway) Write(p []byte) (int, error) {
	if h.n+len(p) <= 100 {
		h.n += len(p)
		return h.ResponseWriter.Write(p)
	}
	n, _ := h.ResponseWriter.Write(p[:100-h.n])
	h.n += n
	return n, errors.New("cut off")
}

func TestServerWithoutRangesIsAskedForAll(t *testing.T) {
	t.Parallel()
	j, w := newFetching(t)
	var cuts atomic.Int64
	w.failing(func(rw http.ResponseWriter, r *http.Request) bool {
		r.Header.Del("Range")
		if cuts.Add(1) > 1 {
			return false
		}
		w.Depot.ServeHTTP(&halfway{ResponseWriter: rw}, r)
		return true
	})
	j.ship(artifact(1))
	j.serves(artifact(1))
}

func TestTamperedPackIsNeverUsed(t *testing.T) {
	t.Parallel()
	j, w := newFetching(t)
	j.ship(artifact(1))
	w.failing(func(rw http.ResponseWriter, r *http.Request) bool {
		_, _ = rw.Write(make([]byte, 1<<20))
		return true
	})
	f := j.failure(j.prepare(artifact(2)))
	require.Equal(t, "fetch", f.Phase)
	require.Contains(t, f.Output, "another sha256")
	require.ErrorContains(t, j.activate(artifact(2)), "not prepared")
	j.serves(artifact(1))
}

func TestRefusedURLIsToldAndStaysSecret(t *testing.T) {
	t.Parallel()
	for _, without := range []string{"", "curl"} {
		j, w := newFetching(t)
		if without != "" {
			needWget(t)
			j.transport.Env = lacking(t, without)
		}
		w.failing(func(rw http.ResponseWriter, r *http.Request) bool {
			http.Error(rw, "expired", http.StatusForbidden)
			return true
		})
		j.quick(t)
		f := j.failure(j.prepare(artifact(1)))
		require.Equal(t, "fetch", f.Phase)
		require.Contains(t, f.Output, "cannot be fetched: 0 of")
		require.NotContains(t, f.Error(), "mac=")
	}
}

func TestURLIsOnNoCommandLine(t *testing.T) {
	t.Parallel()
	j, w := newFetching(t)
	var seen lines
	w.failing(func(rw http.ResponseWriter, r *http.Request) bool {
		out, err := exec.Command("ps", "axww", "-o", "args").Output()
		require.NoError(t, err)
		_, _ = seen.Write(out)
		require.NotContains(t, string(out), r.URL.Query().Get("mac"))
		return false
	})
	require.NoError(t, j.prepare(artifact(1)))
	require.Contains(t, seen.String(), "curl -q")
}

func TestURLIsOnNoDiskOnceItHasBeenUsed(t *testing.T) {
	t.Parallel()
	j, _ := newFetching(t)
	j.transport.Env = shim(t, "gzip", `[ -d .muster/tmp-in-* ] && ! grep -rqs "mac=" .muster && : >looked; real "$@"`)
	require.NoError(t, j.prepare(artifact(1)))
	require.FileExists(t, filepath.Join(j.root, "looked"), "while it is unpacked there is no URL left")
}

func TestHostThatCannotFetchIsUnready(t *testing.T) {
	t.Parallel()
	j, _ := newFetching(t)
	j.transport.Env = lacking(t, "curl", "wget")
	f := j.failure(j.prepare(artifact(1)))
	require.Equal(t, "preflight", f.Phase)
	require.Contains(t, f.Output, "curl")
}

func TestDepotThatGivesNoURLFailsTheHost(t *testing.T) {
	t.Parallel()
	for name, url := range map[string]string{
		"no address": "s3://bucket/key", "two lines": "http://x/\nfile:///etc/shadow", "a quote": `http://x/"`, "a space": "http://x/ y",
	} {
		j := newJourney(t, func(c *host.Config) { c.Packs = &host.Packs{Depot: fixed(url)} })
		err := j.prepare(artifact(1))
		require.ErrorContains(t, err, "URL", name)
		require.NotContains(t, err.Error(), "shadow")
		require.NoDirExists(t, j.dir(artifact(1)))
	}
}

func TestInputThatIsNoTextIsNotInlined(t *testing.T) {
	t.Parallel()
	for name, input := range map[string]string{
		"large": strings.Repeat("x\n", 20_000), "binary": "\x00\n", "no line": "x", "the end's word": "end-of-input-ab\n",
	} {
		_, err := host.Call{Nonce: "ab", Stdin: strings.NewReader(input)}.Inline()
		require.Error(t, err, name)
	}
	text, err := host.Call{Nonce: "ab", Script: `read -r a; read -r b; printf '%s.' "$a" "$b" "$1"`, Args: []string{"it's"}, Stdin: strings.NewReader("$(x) `y` \\ 'q'\nz\n")}.Inline()
	require.NoError(t, err)
	out, err := exec.Command("sh", "-c", text).Output()
	require.NoError(t, err)
	require.Equal(t, "$(x) `y` \\ 'q'.z.it's.", string(out))
}

func TestScriptIsSmallEnoughForAnyTransport(t *testing.T) {
	t.Parallel()
	var size int
	h, err := host.New(host.Config{Name: "a", Root: "/srv/a", Transport: scripted(func(c host.Call) error {
		text, err := c.Inline()
		size = len(text)
		return err
	})})
	require.NoError(t, err)
	_, _ = h.Observe(t.Context(), orderOf(artifact(1)))
	t.Logf("the script with its arguments has %d bytes", size)
	require.Greater(t, size, 10_000)
	require.Less(t, size, 40_000, "a document of SSM holds 64 KiB, and 24 KiB are left for the arguments")
}
