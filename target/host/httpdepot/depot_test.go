package httpdepot_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/host/depottest"
	"github.com/muster-deploy/muster/target/host/httpdepot"
)

const sum = "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae" // of "foo"

func foo() *io.SectionReader { return io.NewSectionReader(strings.NewReader("foo"), 0, 3) }

func open(t *testing.T, url string) *httpdepot.Depot {
	t.Helper()
	d, err := httpdepot.New(httpdepot.Config{Dir: filepath.Join(t.TempDir(), "packs"), URL: url})
	require.NoError(t, err)
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	mux := http.NewServeMux()
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	d := open(t, s.URL+"/packs/")
	mux.Handle("/packs/", http.StripPrefix("/packs/", d))
	depottest.TestDepot(t, d)
}

// ask sends a request to the depot, which is reached at its root.
func ask(d *httpdepot.Depot, method, url string) int {
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(method, url, nil))
	return w.Code
}

func TestURLIsGoodForMinutesAndForOnePack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, "http://depot/")
		require.NoError(t, d.Put(t.Context(), sum, foo()))
		url, err := d.URL(t.Context(), sum)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, ask(d, http.MethodGet, url))
		require.Equal(t, http.StatusMethodNotAllowed, ask(d, http.MethodPut, url))
		for _, forged := range []string{
			strings.Replace(url, sum, strings.Repeat("0", 64), 1),
			strings.Replace(url, "until=", "until=9", 1),
			strings.Split(url, "?")[0],
			"http://depot/",
			"http://depot/..%2f..%2fetc%2fpasswd",
		} {
			require.Equal(t, http.StatusForbidden, ask(d, http.MethodGet, forged), forged)
		}
		other, err := httpdepot.New(httpdepot.Config{Dir: t.TempDir(), URL: "http://depot/"})
		require.NoError(t, err)
		require.Equal(t, http.StatusForbidden, ask(other, http.MethodGet, url), "another process's")
		time.Sleep(15*time.Minute - time.Second)
		require.Equal(t, http.StatusOK, ask(d, http.MethodGet, url))
		time.Sleep(2 * time.Second)
		require.Equal(t, http.StatusForbidden, ask(d, http.MethodGet, url))
	})
}

func TestPackGoesWhenNobodyHasPutItForLong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	d, err := httpdepot.New(httpdepot.Config{Dir: dir, URL: "http://depot/", Keep: time.Hour})
	require.NoError(t, err)
	require.NoError(t, d.Put(t.Context(), sum, foo()))
	old := filepath.Join(dir, strings.Repeat("0", 64))
	require.NoError(t, os.WriteFile(old, nil, 0o600))
	long := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(old, long, long))
	require.NoError(t, d.Put(t.Context(), sum, foo()))
	require.NoFileExists(t, old)
	require.FileExists(t, filepath.Join(dir, sum))
	_, err = d.URL(t.Context(), strings.Repeat("0", 64))
	require.Error(t, err, "what is not there has no URL")
}

func TestPutEndsWithItsContext(t *testing.T) {
	t.Parallel()
	d := open(t, "http://depot/")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(io.ErrClosedPipe)
	require.ErrorIs(t, d.Put(ctx, sum, foo()), io.ErrClosedPipe)
}

func TestConfigComplainsOfAllAtOnce(t *testing.T) {
	t.Parallel()
	_, err := httpdepot.New(httpdepot.Config{Dir: "packs", URL: "ftp://x/packs", Life: -1})
	for _, complaint := range []string{"Dir", "URL", "Life"} {
		require.ErrorContains(t, err, complaint)
	}
}
