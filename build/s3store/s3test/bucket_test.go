package s3test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheBucketInMemoryPassesTheSuite(t *testing.T) {
	TestBucket(t, func(testing.TB) (Client, string) { return &Bucket{}, "bucket" })
	t.Run("in small pages", func(t *testing.T) {
		TestBucket(t, func(testing.TB) (Client, string) { return &Bucket{Name: "small", Page: 2}, "small" })
	})
}

// mistaken is a bucket with one mistake.
type mistaken struct {
	*Bucket
	put      func(*s3.PutObjectInput)
	get      func(*s3.GetObjectInput)
	copy     func(*s3.CopyObjectInput)
	list     func(*s3.ListObjectsV2Output)
	complete func(*s3.CompleteMultipartUploadInput)
}

func (m *mistaken) PutObject(ctx context.Context, in *s3.PutObjectInput, o ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	if m.put != nil {
		m.put(in)
	}
	return m.Bucket.PutObject(ctx, in, o...)
}

func (m *mistaken) GetObject(ctx context.Context, in *s3.GetObjectInput, o ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if m.get != nil {
		m.get(in)
	}
	return m.Bucket.GetObject(ctx, in, o...)
}

func (m *mistaken) CopyObject(ctx context.Context, in *s3.CopyObjectInput, o ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	if m.copy != nil {
		m.copy(in)
	}
	return m.Bucket.CopyObject(ctx, in, o...)
}

func (m *mistaken) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, o ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	out, err := m.Bucket.ListObjectsV2(ctx, in, o...)
	if m.list != nil && err == nil {
		m.list(out)
	}
	return out, err
}

func (m *mistaken) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, o ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	if m.complete != nil {
		m.complete(in)
	}
	return m.Bucket.CompleteMultipartUpload(ctx, in, o...)
}

func TestTheSuiteRejectsBucketsWithMistakes(t *testing.T) {
	for name, m := range map[string]mistaken{
		"ignores If-None-Match":        {put: func(in *s3.PutObjectInput) { in.IfNoneMatch = nil }},
		"ignores If-Match":             {put: func(in *s3.PutObjectInput) { in.IfMatch = nil }},
		"ignores checksums":            {put: func(in *s3.PutObjectInput) { in.ChecksumSHA256, in.ContentMD5 = nil, nil }},
		"forgets content types":        {put: func(in *s3.PutObjectInput) { in.ContentType = nil }},
		"forgets metadata":             {put: func(in *s3.PutObjectInput) { in.Metadata = nil }},
		"takes a plus for a space":     {put: func(in *s3.PutObjectInput) { in.Key = new(strings.ReplaceAll(*in.Key, "+", " ")) }},
		"ignores ranges":               {get: func(in *s3.GetObjectInput) { in.Range = nil }},
		"reads on what was replaced":   {get: func(in *s3.GetObjectInput) { in.IfMatch = nil }},
		"copies without the condition": {copy: func(in *s3.CopyObjectInput) { in.CopySourceIfMatch = nil }},
		"copies the metadata too":      {copy: func(in *s3.CopyObjectInput) { in.MetadataDirective = types.MetadataDirectiveCopy }},
		"lists one page only":          {list: func(out *s3.ListObjectsV2Output) { out.IsTruncated = new(false) }},
		"completes over what is there": {complete: func(in *s3.CompleteMultipartUploadInput) { in.IfNoneMatch = nil }},
	} {
		assert.True(t, slices.ContainsFunc(checks, func(c check) bool {
			m := m
			m.Bucket = &Bucket{}
			return c.do(t.Context(), &m, "bucket") != nil
		}), "a bucket that %s passes", name)
	}
}

func TestAnErrorLooksLikeThatOfTheClient(t *testing.T) {
	b := &Bucket{Name: "site"}
	_, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("site"), Key: new("k")})
	var missing *types.NoSuchKey
	require.ErrorAs(t, err, &missing)
	var operation *smithy.OperationError
	require.ErrorAs(t, err, &operation)
	assert.Equal(t, "GetObject", operation.Operation())
	var response *smithyhttp.ResponseError
	require.ErrorAs(t, err, &response)
	assert.Equal(t, 404, response.HTTPStatusCode())

	_, err = b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("other"), Key: new("k")})
	var bucket *types.NoSuchBucket
	require.ErrorAs(t, err, &bucket)
}

func TestWhatIsNotSimulatedIsRefused(t *testing.T) {
	b := &Bucket{}
	_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("b"), Key: new("k"), Tagging: new("a=b")})
	assert.ErrorContains(t, err, "PutObject with Tagging is not simulated")
	_, err = b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("b"), Key: new("k"), ACL: types.ObjectCannedACLPublicRead})
	assert.Equal(t, "AccessControlListNotSupported", code(err))
	_, err = b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("b"), Key: new("k"), Body: io.MultiReader(strings.NewReader("x"))})
	assert.ErrorIs(t, err, errBody)
	assert.Empty(t, b.Keys())
}

func TestFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &Bucket{}
		var next Fault
		b.Break(func(Call) Fault { return next })
		put := func(content string) error {
			_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("b"), Key: new("k"), Body: strings.NewReader(content)})
			return err
		}
		next = Fault{Refuse: Failure(503, "SlowDown", "Reduce your request rate.")}
		assert.Equal(t, "SlowDown", code(put("refused")))
		assert.Empty(t, b.Keys())

		lost := errors.New("connection reset")
		next = Fault{Lose: lost, Delay: time.Second}
		begin := time.Now()
		assert.ErrorIs(t, put("written"), lost)
		assert.Equal(t, time.Second, time.Since(begin))
		assert.Equal(t, []string{"k"}, b.Keys())

		next = Fault{Cut: 3}
		out, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("b"), Key: new("k")})
		require.NoError(t, err)
		got, err := io.ReadAll(out.Body)
		assert.ErrorIs(t, err, io.ErrUnexpectedEOF)
		assert.Equal(t, "wri", string(got))

		next = Fault{Delay: time.Second}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err = b.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: new("b"), Key: new("k")})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.Equal(t, []string{"k"}, b.Keys())
		assert.Len(t, b.Calls(), 4)
	})
}

const policy = `{"Version": "2012-10-17", "Statement": [
	{"Sid": "Write", "Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject"], "Resource": ["arn:aws:s3:::BUCKET/PREFIX*"]},
	{"Sid": "List", "Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": ["arn:aws:s3:::BUCKET"]}
]}`

func TestAPolicyIsEnforcedAndComparedWithWhatWasNeeded(t *testing.T) {
	p, err := ParsePolicy([]byte(policy), "b", "web/")
	require.NoError(t, err)
	b := &Bucket{Policy: p}
	put := func(key string) error {
		_, err := b.PutObject(t.Context(), &s3.PutObjectInput{Bucket: new("b"), Key: &key})
		return err
	}
	require.NoError(t, put("web/a/b"))
	assert.ErrorContains(t, put("api/a"), "s3:PutObject")
	_, err = b.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: new("b"), Key: new("web/a/b")})
	assert.Equal(t, "AccessDenied", code(err))
	assert.Equal(t, []string{"web/a/b"}, b.Keys())
	assert.Equal(t, []string{"s3:GetObject", "s3:ListBucket"}, p.Unused(b.Calls()))

	get := func() error {
		_, err := b.GetObject(t.Context(), &s3.GetObjectInput{Bucket: new("b"), Key: new("web/none")})
		return err
	}
	assert.Equal(t, "NoSuchKey", code(get()))
	assert.Empty(t, p.Unused(b.Calls()))
	p.Statement = p.Statement[:1]
	assert.Equal(t, "AccessDenied", code(get()), "without the right to list, nobody learns that a key is not there")

	for _, bad := range []string{"", "{}", strings.Replace(policy, "Allow", "Deny", 1), strings.Replace(policy, `"Sid"`, `"Condition": {}, "Sid"`, 1)} {
		_, err := ParsePolicy([]byte(bad), "b", "")
		assert.Error(t, err, bad)
	}
}
