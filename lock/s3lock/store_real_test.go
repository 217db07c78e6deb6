//go:build integration

package s3lock_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/internal/contentiontest"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/locktest"
	"github.com/muster-deploy/muster/lock/s3lock"
)

// client returns a client of a server, with connections of its own.
func client(s *s3servertest.Server) s3lock.Client {
	return s3lock.NewClient(s.Config(), s3servertest.PathStyle)
}

func TestRealBucketsPassTheSuite(t *testing.T) {
	t.Parallel()
	server := s3servertest.Start(t)
	locktest.TestStore(t, func(t testing.TB) locktest.Place {
		bucket := server.Bucket(t)
		return locktest.PlaceFunc(func(ctx context.Context) (lock.Store, error) {
			return s3lock.Open(ctx, s3lock.Config{Client: client(server), Bucket: bucket, Prefix: "muster/"})
		})
	}, locktest.Options{Lease: 3 * time.Second})
}

func TestRealBucketsPassTheSuiteOverTLS(t *testing.T) {
	t.Parallel()
	server := s3servertest.Start(t).OverTLS(t)
	locktest.TestStore(t, func(t testing.TB) locktest.Place {
		bucket := server.Bucket(t)
		return locktest.PlaceFunc(func(ctx context.Context) (lock.Store, error) {
			return s3lock.Open(ctx, s3lock.Config{Client: client(server), Bucket: bucket, Prefix: "muster/"})
		})
	}, locktest.Options{Lease: 3 * time.Second})
}

func TestRealBucketsPassTheSuiteOverABadNetwork(t *testing.T) {
	t.Parallel()
	server := s3servertest.Start(t)
	bad := server.Over(t, faults)
	for _, c := range locktest.Checks() {
		if c.Name == "create race" || c.Name == "lost update" || c.Name == "linearizable" {
			continue // They count on every answer; see the sixteen contenders below.
		}
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			bucket := server.Bucket(t)
			place := locktest.PlaceFunc(func(ctx context.Context) (lock.Store, error) {
				return s3lock.Open(ctx, s3lock.Config{Client: client(bad), Bucket: bucket})
			})
			assert.NoError(t, c.Do(t.Context(), place, locktest.Options{Lease: 5 * time.Second}), c.Promise)
		})
	}
}

func TestRealServerWithoutConditionsIsRefused(t *testing.T) {
	t.Parallel()
	server := s3servertest.StartS3rver(t)
	_, err := s3lock.Open(t.Context(), s3lock.Config{Client: client(server), Bucket: server.Bucket(t)})
	assert.ErrorIs(t, err, s3lock.ErrConditions)
	assert.ErrorContains(t, err, "If-None-Match: *")
}

func TestRealBucketThatIsNotThere(t *testing.T) {
	t.Parallel()
	server := s3servertest.Start(t)
	_, err := s3lock.Open(t.Context(), s3lock.Config{Client: client(server), Bucket: "nobody-made-it"})
	assert.ErrorContains(t, err, "there is no bucket nobody-made-it")
}

// faults are what goes wrong between the contenders and a server.
var faults = faultproxy.Faults{Seed: 1, Refused: 0.03, Lost: 0.05, Repeated: 0.05, Truncated: 0.03, Delay: 10 * time.Millisecond}

func TestRealBucketTellsSixteenContendersTheTruthOverABadNetwork(t *testing.T) {
	t.Parallel()
	server := s3servertest.Start(t)
	bucket := server.Bucket(t)
	server = server.Over(t, faults)
	var stores []lock.Store
	for range 4 {
		s, err := s3lock.Open(t.Context(), s3lock.Config{Client: client(server), Bucket: bucket, Prefix: "muster/"})
		require.NoError(t, err)
		stores = append(stores, s)
	}
	unanswered := contentiontest.Run(t.Context(), t, stores, 2000)
	t.Logf("%d writes without an answer", unanswered)
}
