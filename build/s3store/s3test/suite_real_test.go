//go:build integration

package s3test_test

import (
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
)

func TestRealServersPassTheSuiteOfTheBucketInMemory(t *testing.T) {
	server := s3servertest.Start(t)
	s3test.TestBucket(t, func(t testing.TB) (s3test.Client, string) { return server.Client(), server.Bucket(t) })
}

// Over TLS the client sends the checksum of a body after it, in a trailer.
func TestRealServersPassTheSuiteOverTLS(t *testing.T) {
	server := s3servertest.Start(t)
	proxy := faultproxy.New(server.Endpoint, faultproxy.Faults{})
	var trailers atomic.Int64
	front := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Amz-Trailer") != "" {
			trailers.Add(1)
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	server.Endpoint, server.HTTP = front.URL, front.Client()
	s3test.TestBucket(t, func(t testing.TB) (s3test.Client, string) { return server.Client(), server.Bucket(t) })
	assert.NotZero(t, trailers.Load())
}
