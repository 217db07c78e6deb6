package s3lock

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build/s3store/s3test"
)

// renaming is a client that changes the ETags of what is read, and counts that.
type renaming struct {
	Client
	reads  atomic.Int64
	rename func(read int64, etag string) string
}

func (c *renaming) GetObject(ctx context.Context, in *s3.GetObjectInput, o ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	out, err := c.Client.GetObject(ctx, in, o...)
	if err == nil {
		out.ETag = new(c.rename(c.reads.Add(1), *out.ETag))
	}
	return out, err
}

// renamed is a store of a bucket with one document, read through a renaming client.
func renamed(t *testing.T, rename func(read int64, etag string) string) (s *Store, c *renaming) {
	s = open(t, &s3test.Bucket{})
	_, err := s.Swap(t.Context(), "deploys", "", []byte("one"))
	require.NoError(t, err)
	c = &renaming{Client: s.client, rename: rename}
	s.client = c
	return s, c
}

// TestAnETagOfWhatWasReplacedMeanwhileIsNotTaken plays a server that looks the ETag up,
// is overtaken by a write, and sends what is there then.
func TestAnETagOfWhatWasReplacedMeanwhileIsNotTaken(t *testing.T) {
	s, c := renamed(t, func(read int64, etag string) string {
		if read <= 2 {
			return fmt.Sprintf(`"%032x"`, read)
		}
		return etag
	})
	_, v, err := s.Load(t.Context(), "deploys")
	require.NoError(t, err)
	assert.EqualValues(t, 3, c.reads.Load(), "requests")
	_, err = s.Swap(t.Context(), "deploys", v, []byte("two"))
	assert.NoError(t, err, "the version is that of the document")
}

func TestABucketWhoseETagsAreNoMD5sIsReadTwiceOnce(t *testing.T) {
	s, c := renamed(t, func(_ int64, etag string) string {
		return fmt.Sprintf(`"%.16x"`, sha256.Sum256([]byte(etag)))
	})
	for range 3 {
		data, _, err := s.Load(t.Context(), "deploys")
		require.NoError(t, err)
		assert.Equal(t, "one", string(data))
	}
	assert.EqualValues(t, 4, c.reads.Load(), "requests")
}
