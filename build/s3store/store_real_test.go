//go:build integration

package s3store_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/build/s3store"
	"github.com/muster-deploy/muster/internal/faultproxy"
	"github.com/muster-deploy/muster/internal/partstest/s3servertest"
)

func open(t testing.TB, server *s3servertest.Server, bucket string) *s3store.Store {
	s, err := s3store.New(s3store.Config{Client: server.Client(), Bucket: bucket, Prefix: "artifacts/"})
	require.NoError(t, err)
	return s
}

func suite(t *testing.T, server *s3servertest.Server) {
	buildtest.TestStore(t, func(t *testing.T) buildtest.StorePlace {
		bucket := server.Bucket(t)
		return buildtest.StorePlace{Open: func() (build.Store, error) { return open(t, server, bucket), nil }}
	})
}

func TestRealBucketsPassTheSuite(t *testing.T) { suite(t, s3servertest.Start(t)) }

// The client signs and checks bodies in another way over TLS.
func TestRealBucketsPassTheSuiteOverTLS(t *testing.T) {
	server := s3servertest.Start(t).OverTLS(t)
	suite(t, server)
	content := noise(1, 12<<20)
	s := open(t, server, server.Bucket(t))
	require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
	holds(t, s, content)
}

// faults are what goes wrong between a store and its server.
func faults(seed uint64) faultproxy.Faults {
	return faultproxy.Faults{Seed: seed, Refused: 0.05, Lost: 0.05, Repeated: 0.05, Truncated: 0.05, Delay: 10 * time.Millisecond}
}

// stubborn asks again what the network has spoiled, as an engine does.
type stubborn struct{ build.Store }

func (s stubborn) Put(ctx context.Context, key string, r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return s.Store.Put(ctx, key, iotest.ErrReader(err))
	}
	return stubbornly(func() error { return s.Store.Put(ctx, key, bytes.NewReader(content)) })
}

func (s stubborn) Get(ctx context.Context, key string) (r io.ReadCloser, err error) {
	err = stubbornly(func() (err error) {
		r, err = s.Store.Get(ctx, key)
		return err
	})
	return r, err
}

func (s stubborn) Delete(ctx context.Context, key string) error {
	return stubbornly(func() error { return s.Store.Delete(ctx, key) })
}

func stubbornly(do func() error) (err error) {
	for range 20 {
		if err = do(); !s3servertest.Spoiled(err) {
			break
		}
	}
	return err
}

func TestRealBucketsPassTheSuiteOverABadNetwork(t *testing.T) {
	server := s3servertest.Start(t)
	bad := server.Over(t, faults(7))
	buildtest.TestStore(t, func(t *testing.T) buildtest.StorePlace {
		bucket := server.Bucket(t)
		return buildtest.StorePlace{Open: func() (build.Store, error) { return stubborn{open(t, bad, bucket)}, nil }}
	})
}

func TestRealBucketHoldsContentWholeOrNotAtAllOverABadNetwork(t *testing.T) {
	server := s3servertest.Start(t)
	bucket := server.Bucket(t)
	for seed := range uint64(3) {
		bad := server.Over(t, faults(seed))
		content := noise(seed, 12<<20)
		var err error
		for range 10 { // The same call again finishes the work.
			if err = open(t, bad, bucket).Put(t.Context(), "k", bytes.NewReader(content)); err == nil {
				break
			}
		}
		require.NoError(t, err, "seed %d", seed)
		holds(t, open(t, server, bucket), content)
		holds(t, open(t, bad, bucket), content)
	}
}

func TestRealBucketIsPruned(t *testing.T) {
	server := s3servertest.Start(t)
	s := open(t, server, server.Bucket(t))
	content := noise(1, 3<<20)
	require.NoError(t, s.Put(t.Context(), "k", bytes.NewReader(content)))
	n, err := s.Prune(t.Context())
	require.NoError(t, err)
	assert.Zero(t, n)
	holds(t, s, content)
}

// holds expects content under the key k.
func holds(t testing.TB, s *s3store.Store, content []byte) {
	t.Helper()
	r, err := s.Get(t.Context(), "k")
	require.NoError(t, err)
	defer r.Close()
	got, err := io.ReadAll(r)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(content, got), "%d bytes, want %d", len(got), len(content))
}

// noise returns bytes that are the same for the same seed.
func noise(seed uint64, size int) []byte {
	data := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed)}).Read(data)
	return data
}
