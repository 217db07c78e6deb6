package faultproxy

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// ask sends a PUT by way of a proxy to a server that counts what it sees.
func ask(t *testing.T, f Faults) (answer string, seen int64, err error) {
	var count atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		count.Add(1)
		_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Host+" "+string(body))
	}))
	defer server.Close()
	front := httptest.NewServer(New(server.URL, f))
	defer front.Close()
	r, err := http.NewRequestWithContext(t.Context(), "PUT", front.URL+"/b/a%20b%2Fc+d?x=%2F", strings.NewReader("hello"))
	require.NoError(t, err)
	r.Host = "signed.example"
	got, err := http.DefaultClient.Do(r)
	if err != nil {
		return "", count.Load(), err
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	return string(body), count.Load(), err
}

func TestRequestsArePassedOnAsTheyCame(t *testing.T) {
	got, seen, err := ask(t, Faults{})
	require.NoError(t, err)
	assert.Equal(t, "PUT /b/a%20b%2Fc+d?x=%2F signed.example hello", got)
	assert.Equal(t, int64(1), seen)
}

func TestFaults(t *testing.T) {
	_, seen, err := ask(t, Faults{Refused: 1})
	assert.Error(t, err)
	assert.Equal(t, int64(0), seen, "refused")

	_, seen, err = ask(t, Faults{Lost: 1})
	assert.Error(t, err)
	assert.Equal(t, int64(1), seen, "lost")

	got, seen, err := ask(t, Faults{Repeated: 1})
	assert.NoError(t, err)
	assert.Equal(t, int64(2), seen, "repeated")
	assert.True(t, strings.HasSuffix(got, " hello"), got)

	got, _, err = ask(t, Faults{Truncated: 1})
	assert.ErrorIs(t, err, io.ErrUnexpectedEOF, "truncated")
	assert.NotEmpty(t, got)
}

func TestLatencyAndTraffic(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(w, r.Body) }))
	defer server.Close()
	p := New(server.URL, Faults{})
	p.Latency = 20 * time.Millisecond
	front := httptest.NewServer(p)
	defer front.Close()
	begin := time.Now()
	got, err := http.Post(front.URL, "", strings.NewReader("hello"))
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, got.Body)
	got.Body.Close()
	assert.GreaterOrEqual(t, time.Since(begin), p.Latency)
	requests, sent, received := p.Traffic()
	assert.Equal(t, []int64{1, 5, 5}, []int64{requests, sent, received})
}

func TestTheSameSeedMakesTheSameFaults(t *testing.T) {
	f := Faults{Seed: 7, Refused: 0.3, Lost: 0.3, Repeated: 0.3, Truncated: 0.3, Delay: time.Second}
	a, b := roll(f), roll(f)
	for range 50 {
		assert.Equal(t, a.next(), b.next())
	}
}
