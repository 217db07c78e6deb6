//go:build integration

package s3target_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
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

func TestRealSitePassesTheSuiteOverTLS(t *testing.T) {
	server := s3servertest.Start(t).OverTLS(t)
	targettest.TestTarget(t, func(tb targettest.TB) targettest.Place {
		return realPlace{s3target.Config{Client: server.Client(), Bucket: server.Bucket(t)}}
	})
}

// faults are what goes wrong between a site and its server.
func faults(seed uint64) faultproxy.Faults {
	return faultproxy.Faults{Seed: seed, Refused: 0.05, Lost: 0.05, Repeated: 0.05, Truncated: 0.05, Delay: 10 * time.Millisecond}
}

// stubborn gives an order again that the network has spoiled, as an engine does.
type stubborn struct{ target.Target }

// Unwrap lets target.As see through.
func (s stubborn) Unwrap() target.Target { return s.Target }

func (s stubborn) Prepare(ctx context.Context, o target.Order, a *build.Artifact) error {
	return stubbornly(func() error { return s.Target.Prepare(ctx, o, a) })
}

// Activate asks for a step once, however often it tries: the suite counts.
func (s stubborn) Activate(ctx context.Context, o target.Order) error {
	if begin := o.Begin; begin != nil {
		begun := false // This target has one step.
		o.Begin = func(ctx context.Context, step target.Step) error {
			if begun {
				return nil
			}
			err := begin(ctx, step)
			begun = err == nil
			return err
		}
	}
	return stubbornly(func() error { return s.Target.Activate(ctx, o) })
}

// Observe says what it could not read in the unit's condition.
func (s stubborn) Observe(ctx context.Context, o target.Order) (state target.State, err error) {
	for range 20 {
		state, err = s.Target.Observe(ctx, o)
		if err != nil || state.Units[0].Condition != target.Unknown {
			break
		}
	}
	return state, err
}

func stubbornly(do func() error) (err error) {
	for range 20 {
		if err = do(); !s3servertest.Spoiled(err) {
			break
		}
	}
	return err
}

// badPlace is a bucket at the end of a bad network.
type badPlace struct{ realPlace }

func (p badPlace) Open() (target.Target, error) {
	t, err := p.realPlace.Open()
	return stubborn{t}, err
}

func TestRealSitePassesTheSuiteOverABadNetwork(t *testing.T) {
	server := s3servertest.Start(t)
	bad := server.Over(t, faults(7))
	targettest.TestTarget(t, func(tb targettest.TB) targettest.Place {
		return badPlace{realPlace{s3target.Config{Client: bad.Client(), Bucket: server.Bucket(t), Prefix: "shop/"}}}
	})
}

// Every order ends in the state that it says, or in an error after which it can be given
// again.
func TestRealSiteOverABadNetwork(t *testing.T) {
	server := s3servertest.Start(t)
	for seed := range uint64(4) {
		bucket := server.Bucket(t)
		s, err := s3target.New(s3target.Config{Client: server.Over(t, faults(seed)).Client(), Bucket: bucket})
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

	if os.Getenv("MUSTER_MINIO") == "" { // It takes any region for its own.
		elsewhere := server.Client(func(o *s3.Options) { o.Region = "eu-west-1" })
		_, err = s3target.Open(t.Context(), s3target.Config{Client: elsewhere, Bucket: server.Bucket(t)})
		assert.ErrorContains(t, err, "in another region than the client's")
	}
	strangers := server.Client(func(o *s3.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("stranger", "x", "") })
	_, err = s3target.Open(t.Context(), s3target.Config{Client: strangers, Bucket: server.Bucket(t)})
	assert.ErrorContains(t, err, "the server does not know the credentials")
	liars := server.Client(func(o *s3.Options) { o.Credentials = credentials.NewStaticCredentialsProvider("muster", "x", "") })
	_, err = s3target.Open(t.Context(), s3target.Config{Client: liars, Bucket: server.Bucket(t)})
	assert.ErrorContains(t, err, "the secret key is not that of the access key")
}

// odd are names that a URL, a header or a signature could spoil.
var odd = []string{"a b", "c+d", "e#f", "g?h", "ü-日本", "100%", "x=y&z", "(1)'!*", "~tilde", "q\"q", "a  b", "tab;,:@$"}

func TestRealNamesAndSizesAreServedAsTheyAre(t *testing.T) {
	server := s3servertest.Start(t)
	for way, over := range map[string]*s3servertest.Server{"plain": server, "TLS": server.OverTLS(t)} {
		t.Run(way, func(t *testing.T) {
			files := map[string]string{"index.html": way, "film.mp4": strings.Repeat("0123456789abcdef", 10<<16), "assets/film-12345678.mp4": strings.Repeat("fedcba9876543210", 10<<16)}
			for i, name := range odd {
				files[fmt.Sprintf("docs/%s/%s.txt", name, name)] = fmt.Sprint("page ", i)
				files[fmt.Sprintf("assets/%s/%s-12345678.js", name, name)] = fmt.Sprint("asset ", i)
			}
			bucket := server.Bucket(t)
			s, err := s3target.Open(t.Context(), s3target.Config{Client: s3target.NewClient(over.Config(), s3servertest.PathStyle), Bucket: bucket, Prefix: "my shop+1/"})
			require.NoError(t, err)
			a := site(files)
			o := target.Order{Number: 1, Release: target.Release{ID: "1", Digest: a.Digest}}
			require.NoError(t, s.Prepare(t.Context(), o, a))
			o.Number++
			require.NoError(t, s.Activate(t.Context(), o))
			for name, want := range files {
				out, err := over.Client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: new("my shop+1/" + name)})
				require.NoError(t, err, name)
				got, err := io.ReadAll(out.Body)
				require.NoError(t, err, name)
				out.Body.Close()
				assert.True(t, want == string(got), name)
			}
			state, err := s.Observe(t.Context(), target.Order{})
			require.NoError(t, err)
			assert.Equal(t, target.Serving, state.Units[0].Condition, state.Units[0].Problem)
		})
	}
}

// A server whose disk fills says so, the site stays as it was, and once there is room
// the same call finishes the work.
func TestRealDiskThatFills(t *testing.T) {
	for way, size := range map[string]int{"whole": 5 << 20, "in parts": 9 << 20} {
		t.Run(way, func(t *testing.T) {
			server := s3servertest.StartSmall(t, 24<<20)
			bucket, filler := server.Bucket(t), server.Bucket(t)
			fill := func(size int) {
				in := &s3.PutObjectInput{Bucket: &filler, Key: new("filler"), Body: strings.NewReader(strings.Repeat("x", size))}
				_, err := server.Client().PutObject(t.Context(), in)
				require.NoError(t, err)
			}
			s, err := s3target.Open(t.Context(), s3target.Config{Client: server.Client(), Bucket: bucket})
			require.NoError(t, err)
			ship(t, s, 1, 1)
			fill(20 << 20)
			a := site(map[string]string{"index.html": "large", "assets/film-12345678.mp4": strings.Repeat("a", size)})
			o := target.Order{Number: 10, Release: target.Release{ID: "2", Digest: a.Digest}}
			assert.ErrorContains(t, s.Prepare(t.Context(), o, a), "the server has no room left")
			state, err := s.Observe(t.Context(), target.Order{})
			require.NoError(t, err)
			assert.Equal(t, target.Serving, state.Units[0].Condition, state.Units[0].Problem)
			assert.Equal(t, numbered(1).Digest, state.Units[0].Digest)
			fill(0)
			require.NoError(t, s.Prepare(t.Context(), o, a))
			require.NoError(t, s.Activate(t.Context(), o))
		})
	}
}
