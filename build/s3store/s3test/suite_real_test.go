//go:build integration

package s3test_test

import (
	"testing"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/internal/parts/s3server"
)

func TestRealServersPassTheSuiteOfTheBucketInMemory(t *testing.T) {
	server := s3server.Start(t)
	s3test.TestBucket(t, func(t testing.TB) (s3test.Client, string) { return server.Client(), server.Bucket(t) })
}
