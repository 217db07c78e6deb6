package s3depot_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/target/ec2target/s3depot"
)

//go:embed policy.json
var policy []byte

func open(t *testing.T) (*s3depot.Depot, *s3test.Bucket) {
	t.Helper()
	p, err := s3test.ParsePolicy(policy, "deploys", "packs/")
	require.NoError(t, err)
	b := &s3test.Bucket{Name: "deploys", Policy: p}
	f := &s3test.Front{Bucket: b}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	f.URL = server.URL
	d, err := s3depot.New(s3depot.Config{Client: b, Presigner: f, Bucket: "deploys", Prefix: "packs/", Life: 3 * time.Second})
	require.NoError(t, err)
	return d, b
}

func pack(text string) (*io.SectionReader, string) {
	sum := sha256.Sum256([]byte(text))
	return io.NewSectionReader(bytes.NewReader([]byte(text)), 0, int64(len(text))), hex.EncodeToString(sum[:])
}

func puts(b *s3test.Bucket) (n int) {
	for _, c := range b.Calls() {
		if c.Operation == "PutObject" {
			n++
		}
	}
	return n
}

func TestAPackIsSentOnceAndFetchedByAnybodyWithItsURL(t *testing.T) {
	d, b := open(t)
	p, sum := pack("a release")
	require.NoError(t, d.Put(t.Context(), sum, p))
	require.NoError(t, d.Put(t.Context(), sum, p))
	assert.Equal(t, 1, puts(b))
	url, err := d.URL(t.Context(), sum)
	require.NoError(t, err)
	again, err := d.URL(t.Context(), sum)
	require.NoError(t, err)
	assert.Equal(t, url, again, "many hosts are told the same")
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	assert.Equal(t, "a release", string(text))
	assert.Empty(t, b.Policy.Unused(b.Calls()), "what the policy allows and nobody needs")
}

func TestBytesThatAreNotTheSumsAreRefused(t *testing.T) {
	d, b := open(t)
	_, sum := pack("a release")
	other, _ := pack("another")
	require.ErrorContains(t, d.Put(t.Context(), sum, other), "BadDigest")
	assert.Empty(t, b.Keys())
	require.Error(t, d.Put(t.Context(), "../../etc", other))
	_, err := d.URL(t.Context(), "../../etc")
	require.Error(t, err)
}

func TestNewComplainsAboutEverythingAtOnce(t *testing.T) {
	_, err := s3depot.New(s3depot.Config{Prefix: "packs", Life: -1, Fresh: -1})
	for _, field := range []string{"Client", "Presigner", "Bucket", "Prefix", "Life", "Fresh"} {
		assert.ErrorContains(t, err, field)
	}
}

// signer signs, and says how long a URL lives.
type signer struct{ lives []time.Duration }

func (s *signer) PresignGetObject(_ context.Context, _ *s3.GetObjectInput, options ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error) {
	var o s3.PresignOptions
	for _, set := range options {
		set(&o)
	}
	s.lives = append(s.lives, o.Expires)
	return &v4.PresignedHTTPRequest{URL: "https://deploys.example.com/" + time.Now().Format(time.TimeOnly)}, nil
}

func TestAURLLivesForTwoThirdsOfItsLifeAtLeastWhenItIsGiven(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &signer{}
		d, err := s3depot.New(s3depot.Config{Client: &s3test.Bucket{}, Presigner: s, Bucket: "deploys"})
		require.NoError(t, err)
		_, sum := pack("a release")
		given := map[string]int{}
		for range 60 {
			url, err := d.URL(t.Context(), sum)
			require.NoError(t, err)
			given[url]++
			time.Sleep(time.Minute)
		}
		assert.Equal(t, []time.Duration{time.Hour, time.Hour, time.Hour}, s.lives)
		for url, n := range given {
			assert.Equal(t, 20, n, "%s is told to all who ask within twenty minutes", url)
		}
	})
}

func TestAnObjectThatMayGoIsSentAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &s3test.Bucket{Name: "deploys"}
		d, err := s3depot.New(s3depot.Config{Client: b, Presigner: &signer{}, Bucket: "deploys"})
		require.NoError(t, err)
		for day, want := range []int{1, 1, 2} {
			p, sum := pack("a release")
			require.NoError(t, d.Put(t.Context(), sum, p))
			assert.Equal(t, want, puts(b), "after %d times 23 h", day)
			time.Sleep(23 * time.Hour)
		}
	})
}
