//go:build integration

package s3target_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
	"github.com/muster-deploy/muster/target/targettest"
)

// realPlace is a bucket of a server.
type realPlace struct{ config s3target.Config }

func (p realPlace) Open() (target.Target, error)   { return s3target.New(p.config) }
func (p realPlace) Artifact(n int) *build.Artifact { return numbered(n) }

func TestRealSitePassesTheSuite(t *testing.T) {
	server := s3servertest.Start(t)
	targettest.TestTarget(t, func(tb targettest.TB) targettest.Place {
		return realPlace{s3target.Config{Client: server.Client(), Bucket: server.Bucket(t), Prefix: "shop/"}}
	})
}

// Every order ends in the state that it says, or in an error after which it can be given
// again.
func TestRealSiteOverABadNetwork(t *testing.T) {
	server := s3servertest.Start(t)
	for seed := range uint64(4) {
		bucket := server.Bucket(t)
		proxy := httptest.NewServer(faultproxy.New(server.Endpoint, faultproxy.Faults{
			Seed: seed, Refused: 0.05, Lost: 0.05, Repeated: 0.05, Truncated: 0.05, Delay: 10 * time.Millisecond,
		}))
		t.Cleanup(proxy.Close)
		bad := *server
		bad.Endpoint = proxy.URL
		s, err := s3target.New(s3target.Config{Client: bad.Client(), Bucket: bucket})
		require.NoError(t, err)
		good, err := s3target.New(s3target.Config{Client: server.Client(), Bucket: bucket})
		require.NoError(t, err)
		for i, n := range []int{1, 2, 1, 3, 2} {
			ship(t, s, uint64(10*i+10), n)
			state, err := good.Observe(t.Context(), target.Order{})
			require.NoError(t, err)
			assert.Equal(t, target.Serving, state.Units[0].Condition, state.Units[0].Problem)
			assert.Equal(t, numbered(n).Digest, state.Units[0].Digest)
		}
	}
}

// ship gives each order until it succeeds.
func ship(t *testing.T, s target.Target, number uint64, n int) {
	t.Helper()
	a := numbered(n)
	o := target.Order{Number: number, Release: target.Release{ID: "r", Digest: a.Digest}}
	again(t, func() error { return s.Prepare(t.Context(), o, a) })
	o.Number++
	again(t, func() error { return s.Activate(t.Context(), o) })
}

// again does the same until it succeeds.
func again(t *testing.T, do func() error) {
	t.Helper()
	var err error
	for range 10 {
		if err = do(); err == nil {
			return
		}
	}
	require.NoError(t, err)
}

func TestRealServerWithoutConditionsIsRefused(t *testing.T) {
	server := s3servertest.StartS3rver(t)
	_, err := s3target.Open(t.Context(), s3target.Config{Client: server.Client(), Bucket: server.Bucket(t)})
	assert.ErrorIs(t, err, s3target.ErrConditions)
}

func TestRealBucketIsOpened(t *testing.T) {
	server := s3servertest.Start(t)
	_, err := s3target.Open(t.Context(), s3target.Config{Client: server.Client(), Bucket: server.Bucket(t)})
	assert.NoError(t, err)
	_, err = s3target.Open(t.Context(), s3target.Config{Client: server.Client(), Bucket: "nobody-made-it"})
	assert.ErrorContains(t, err, "there is no bucket nobody-made-it")
}
