package s3test

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// ListObjectsV2 stands for that of *s3.Client.
func (b *Bucket) ListObjectsV2(ctx context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	c := call("ListObjectsV2", in.Bucket, nil, "s3:ListBucket")
	c.Key = str(in.Prefix)
	return do(ctx, b, c, in, func() (*s3.ListObjectsV2Output, error) {
		page := cmp.Or(b.Page, 1000)
		if in.MaxKeys != nil {
			page = min(page, int(*in.MaxKeys))
		}
		after := str(in.StartAfter)
		if in.ContinuationToken != nil {
			after = strings.TrimPrefix(*in.ContinuationToken, "after ")
		}
		out := &s3.ListObjectsV2Output{
			Name: in.Bucket, Prefix: in.Prefix, Delimiter: in.Delimiter, StartAfter: in.StartAfter,
			ContinuationToken: in.ContinuationToken, MaxKeys: new(int32(page)),
		}
		b.list(out, after, page)
		return out, nil
	})
}

// list fills a page with what comes after a key, or after a common prefix.
func (b *Bucket) list(out *s3.ListObjectsV2Output, after string, page int) {
	prefix, last, n := str(out.Prefix), "", 0
	for _, key := range b.sorted(prefix) {
		common := folder(key, prefix, str(out.Delimiter))
		if entry := cmp.Or(common, key); entry <= after || entry == last {
			continue
		}
		if n == page {
			out.NextContinuationToken = new("after " + last)
			break
		}
		n++
		if last = cmp.Or(common, key); common != "" {
			out.CommonPrefixes = append(out.CommonPrefixes, types.CommonPrefix{Prefix: new(common)})
			continue
		}
		o := b.objects[key]
		out.Contents = append(out.Contents, types.Object{
			Key: new(key), Size: new(int64(len(o.body))), ETag: new(o.etag), LastModified: new(o.time),
			StorageClass: types.ObjectStorageClassStandard,
		})
	}
	out.KeyCount, out.IsTruncated = new(int32(n)), new(out.NextContinuationToken != nil)
}

// folder returns the common prefix under which a key is listed; empty if under its
// own name.
func folder(key, prefix, delimiter string) string {
	if delimiter == "" {
		return ""
	}
	i := strings.Index(key[len(prefix):], delimiter)
	if i < 0 {
		return ""
	}
	return key[:len(prefix)+i+len(delimiter)]
}

// sorted returns the keys that begin with prefix.
func (b *Bucket) sorted(prefix string) []string {
	var keys []string
	for key := range b.objects {
		if strings.HasPrefix(key, prefix) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}
