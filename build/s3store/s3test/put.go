package s3test

import (
	"context"
	"maps"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Limits of S3, in bytes.
const (
	maxKey      = 1024
	maxMetadata = 2 << 10
)

// PutObject stands for that of *s3.Client.
func (b *Bucket) PutObject(ctx context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	content := body{in.Body, in.ContentLength, in.ContentMD5, in.ChecksumSHA256, in.ChecksumCRC32, string(in.ChecksumAlgorithm)}
	data, bad := content.read()
	c := write("PutObject", in.Bucket, in.Key, in.IfMatch, in.IfNoneMatch, int64(len(data)))
	return do(ctx, b, c, in, func() (*s3.PutObjectOutput, error) {
		if bad != nil {
			return nil, bad
		}
		h := head{in.ContentType, in.CacheControl, in.ContentEncoding, in.ContentDisposition, in.ContentLanguage, in.Metadata}
		o := &object{body: data, etag: etag(data), sums: content.sums(data), head: h.clone()}
		if err := b.put(c.Key, o, in.IfMatch, in.IfNoneMatch); err != nil {
			return nil, err
		}
		return &s3.PutObjectOutput{ETag: new(o.etag), ChecksumSHA256: o.sums.sha256, ChecksumCRC32: o.sums.crc32}, nil
	})
}

// put stores an object if the conditions hold.
func (b *Bucket) put(key string, o *object, match, noneMatch *string) error {
	if key == "" || len(key) > maxKey {
		return Failure(400, "KeyTooLongError", "Your key is too long")
	}
	if o.head.size() > maxMetadata {
		return Failure(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size")
	}
	if err := condition(b.objects[key], match, noneMatch); err != nil {
		return err
	}
	b.set(key, o)
	return nil
}

// condition says whether a write may replace what is there, which is nil if nothing
// is.
func condition(there *object, match, noneMatch *string) error {
	switch {
	case match != nil && noneMatch != nil, noneMatch != nil && *noneMatch != "*":
		return Failure(501, "NotImplemented", "A header you provided implies functionality that is not implemented")
	case match != nil && there == nil:
		return noSuchKey()
	case match != nil && !same(*match, there.etag), noneMatch != nil && there != nil:
		return preconditionFailed()
	}
	return nil
}

// same compares ETags, of which the quotes may be left out.
func same(a, b string) bool { return strings.Trim(a, `"`) == strings.Trim(b, `"`) }

// clone returns a head of its own, its metadata under names in lower case, as
// headers come back.
func (h head) clone() head {
	lower := make(map[string]string, len(h.Metadata))
	for k, v := range h.Metadata {
		lower[strings.ToLower(k)] = v
	}
	h.Metadata = lower
	return h
}

// size is what counts of metadata.
func (h head) size() int {
	n := 0
	for k, v := range maps.All(h.Metadata) {
		n += len(k) + len(v)
	}
	return n
}
