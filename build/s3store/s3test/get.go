package s3test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

type getOutput = s3.GetObjectOutput

// GetObject stands for that of *s3.Client.
func (b *Bucket) GetObject(ctx context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	c := call("GetObject", in.Bucket, in.Key, "s3:GetObject")
	c.Reads = true
	return do(ctx, b, c, in, func() (*s3.GetObjectOutput, error) {
		o, err := b.get(c.Key, in.IfMatch, in.IfNoneMatch)
		if err != nil {
			return nil, err
		}
		from, to, err := span(in.Range, int64(len(o.body)))
		if err != nil {
			return nil, err
		}
		out := &s3.GetObjectOutput{
			Body: reader(o.body[from:to]), ContentLength: new(to - from), AcceptRanges: new("bytes"),
			ETag: new(o.etag), LastModified: new(o.time), Metadata: maps.Clone(o.head.Metadata),
			ContentType: o.contentType(), CacheControl: o.head.CacheControl, ContentEncoding: o.head.ContentEncoding,
			ContentDisposition: o.head.ContentDisposition, ContentLanguage: o.head.ContentLanguage,
		}
		if in.Range != nil {
			out.ContentRange = new(fmt.Sprintf("bytes %d-%d/%d", from, to-1, len(o.body)))
		} else if in.ChecksumMode == types.ChecksumModeEnabled {
			out.ChecksumSHA256, out.ChecksumCRC32 = o.sums.sha256, o.sums.crc32
		}
		return out, nil
	})
}

// HeadObject stands for that of *s3.Client.
func (b *Bucket) HeadObject(ctx context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	c := call("HeadObject", in.Bucket, in.Key, "s3:GetObject")
	c.Reads = true
	return do(ctx, b, c, in, func() (*s3.HeadObjectOutput, error) {
		o, err := b.get(c.Key, in.IfMatch, in.IfNoneMatch)
		if missing(err) {
			return nil, notFound() // The answer has no body that could say more.
		}
		if err != nil {
			return nil, err
		}
		out := &s3.HeadObjectOutput{
			ContentLength: new(int64(len(o.body))), AcceptRanges: new("bytes"),
			ETag: new(o.etag), LastModified: new(o.time), Metadata: maps.Clone(o.head.Metadata),
			ContentType: o.contentType(), CacheControl: o.head.CacheControl, ContentEncoding: o.head.ContentEncoding,
			ContentDisposition: o.head.ContentDisposition, ContentLanguage: o.head.ContentLanguage,
		}
		if in.ChecksumMode == types.ChecksumModeEnabled {
			out.ChecksumSHA256, out.ChecksumCRC32 = o.sums.sha256, o.sums.crc32
		}
		return out, nil
	})
}

// HeadBucket stands for that of *s3.Client.
func (b *Bucket) HeadBucket(ctx context.Context, in *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	return do(ctx, b, call("HeadBucket", in.Bucket, nil, "s3:ListBucket"), in, func() (*s3.HeadBucketOutput, error) {
		return &s3.HeadBucketOutput{}, nil
	})
}

// get returns what is under a key if the conditions hold.
func (b *Bucket) get(key string, match, noneMatch *string) (*object, error) {
	o := b.objects[key]
	switch {
	case o == nil:
		return nil, noSuchKey()
	case match != nil && !same(*match, o.etag):
		return nil, preconditionFailed()
	case noneMatch != nil && same(*noneMatch, o.etag):
		return nil, Failure(304, "NotModified", "Not Modified")
	}
	return o, nil
}

// contentType is what S3 says where nothing was said.
func (o *object) contentType() *string {
	if o.head.ContentType == nil {
		return new("binary/octet-stream")
	}
	return o.head.ContentType
}

// span reads a Range: "bytes=2-5", "bytes=2-" or "bytes=-5". It returns the first
// byte and the one after the last.
func span(header *string, size int64) (from, to int64, err error) {
	if header == nil {
		return 0, size, nil
	}
	first, last, ok := strings.Cut(strings.TrimPrefix(*header, "bytes="), "-")
	from, err1 := strconv.ParseInt(first, 10, 64)
	to, err2 := strconv.ParseInt(last, 10, 64)
	switch {
	case !ok || !strings.HasPrefix(*header, "bytes=") || first != "" && err1 != nil || last != "" && err2 != nil || first == last && first == "":
		return 0, 0, fmt.Errorf("s3test: the range %q is not simulated", *header)
	case first == "":
		from, to = max(0, size-to), size
	case last == "":
		to = size
	default:
		to = min(to+1, size)
	}
	if from >= size || from >= to {
		return 0, 0, Failure(416, "InvalidRange", "The requested range is not satisfiable")
	}
	return from, to, nil
}
