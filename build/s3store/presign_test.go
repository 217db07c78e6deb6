package s3store

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build/s3store/s3test"
)

var (
	_ Presigner = (*s3.PresignClient)(nil)
	_ Presigner = (*s3test.Front)(nil)
)

func fetchURL(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	data, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(data)
}

func TestAURLIsContentAsItIs(t *testing.T) {
	b := &s3test.Bucket{}
	s, f := open(t, b), &s3test.Front{Bucket: b}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	content := string(noise(1, 3<<20))
	url, err := s.Presign(t.Context(), f, strings.NewReader(content), time.Minute)
	require.NoError(t, err)
	status, got := fetchURL(t, url)
	assert.Equal(t, http.StatusOK, status)
	assert.True(t, content == got)

	counts, _ := count(b)
	assert.Equal(t, map[string]int{"HeadObject": 1, "PutObject": 1, "GetObject": 1}, counts)
	again, err := s.Presign(t.Context(), f, strings.NewReader(content), time.Minute)
	require.NoError(t, err)
	assert.NotEqual(t, url, again)
	counts, _ = count(b)
	assert.Equal(t, map[string]int{"HeadObject": 1}, counts, "it is there already")

	status, _ = fetchURL(t, url+"x")
	assert.Equal(t, http.StatusForbidden, status)
	other, _, _ := strings.Cut(url, "?")
	status, _ = fetchURL(t, other)
	assert.Equal(t, http.StatusForbidden, status)
}

func TestAURLEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s, f := open(t, b), &s3test.Front{Bucket: b}
		url, err := s.Presign(t.Context(), f, strings.NewReader("hello"), time.Minute)
		require.NoError(t, err)
		ask := func() int {
			w := httptest.NewRecorder()
			f.ServeHTTP(w, httptest.NewRequest("GET", url, nil))
			return w.Code
		}
		assert.Equal(t, http.StatusOK, ask())
		time.Sleep(time.Minute + time.Second)
		assert.Equal(t, http.StatusForbidden, ask())
		for _, life := range []time.Duration{0, -time.Minute, 8 * 24 * time.Hour} {
			_, err := s.Presign(t.Context(), f, strings.NewReader("hello"), life)
			assert.ErrorContains(t, err, "a URL lives from")
		}
	})
}

func TestWhatWasLentIsPrunedAndLentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{}
		s, f := open(t, b), &s3test.Front{Bucket: b}
		lend := func(content string) {
			_, err := s.Presign(t.Context(), f, strings.NewReader(content), time.Minute)
			require.NoError(t, err)
		}
		lend("one")
		lend("two")
		time.Sleep(kept - time.Hour)
		lend("one") // It is uploaded again, because a Prune may come.
		time.Sleep(2 * time.Hour)
		n, err := s.Prune(t.Context())
		require.NoError(t, err)
		assert.Equal(t, 1, n)
		assert.Len(t, b.Keys(), 1)
	})
}

func TestWhatCannotBeReadIsNotLent(t *testing.T) {
	b := &s3test.Bucket{}
	s, f := open(t, b), &s3test.Front{Bucket: b}
	broken := struct {
		io.Reader
		io.Seeker
	}{iotest.ErrReader(io.ErrUnexpectedEOF), bytes.NewReader(nil)}
	_, err := s.Presign(t.Context(), f, broken, time.Minute)
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
	b.Break(func(s3test.Call) s3test.Fault { return s3test.Fault{Refuse: s3test.Failure(403, "AccessDenied", "no")} })
	_, err = s.Presign(t.Context(), f, strings.NewReader("x"), time.Minute)
	assert.ErrorContains(t, err, "the credentials lack s3:GetObject")
	assert.Empty(t, b.Keys())
}
