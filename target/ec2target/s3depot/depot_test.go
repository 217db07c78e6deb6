package s3depot_test

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

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
