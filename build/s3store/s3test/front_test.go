package s3test_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
)

// sign returns the URL of an object that is there.
func sign(t *testing.T, f *s3test.Front, key string, options ...func(*s3.PresignOptions)) string {
	t.Helper()
	_, err := f.Bucket.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("packs"), Key: &key, Body: strings.NewReader("hello")})
	require.NoError(t, err)
	signed, err := f.PresignGetObject(t.Context(), &s3.GetObjectInput{Bucket: new("packs"), Key: &key}, options...)
	require.NoError(t, err)
	return signed.URL
}

func TestWhoHasAURLReadsOneObject(t *testing.T) {
	f := &s3test.Front{Bucket: &s3test.Bucket{Name: "packs"}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	url := sign(t, f, "a b/c+d#1")
	for name, c := range map[string]struct {
		url    string
		status int
	}{
		"the URL":             {url, http.StatusOK},
		"another signature":   {url + "x", http.StatusForbidden},
		"no signature":        {url[:strings.Index(url, "?")], http.StatusForbidden},
		"of another object":   {strings.Replace(url, "c+d", "c+e", 1), http.StatusForbidden},
		"of one that is gone": {signGone(t, f), http.StatusNotFound},
	} {
		answer, err := http.Get(c.url)
		require.NoError(t, err)
		body, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		answer.Body.Close()
		assert.Equal(t, c.status, answer.StatusCode, name)
		assert.Equal(t, c.status == http.StatusOK, string(body) == "hello", name)
	}
}

// signGone returns a URL of an object that was deleted.
func signGone(t *testing.T, f *s3test.Front) string {
	url := sign(t, f, "gone")
	_, err := f.Bucket.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new("packs"), Key: new("gone")})
	require.NoError(t, err)
	return url
}

func TestAURLEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &s3test.Front{Bucket: &s3test.Bucket{}}
		url := sign(t, f, "k", s3.WithPresignExpires(time.Minute))
		ask := func() int {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, httptest.NewRequest(http.MethodGet, url, nil))
			return w.Code
		}
		assert.Equal(t, http.StatusOK, ask())
		time.Sleep(time.Minute + time.Second)
		assert.Equal(t, http.StatusForbidden, ask())
	})
}
