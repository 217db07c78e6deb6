package s3test

import (
	"context"
	"fmt"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// CopyObject stands for that of *s3.Client, within one bucket. The source is escaped
// as in a query: a plus sign that is not escaped is a space.
func (b *Bucket) CopyObject(ctx context.Context, in *s3.CopyObjectInput, _ ...func(*s3.Options)) (*s3.CopyObjectOutput, error) {
	c := call("CopyObject", in.Bucket, in.Key, "s3:PutObject")
	bucket, key, bad := source(str(in.CopySource))
	c.Permissions = append(c.Permissions, Permission{"s3:GetObject", arn(bucket, key)})
	c.Reads = true
	return do(ctx, b, c, in, func() (*s3.CopyObjectOutput, error) {
		switch {
		case bad != nil:
			return nil, bad
		case bucket != c.Bucket:
			return nil, fmt.Errorf("s3test: CopyObject from another bucket, %q, is not simulated", bucket)
		case in.IfMatch != nil || in.IfNoneMatch != nil:
			return nil, fmt.Errorf("s3test: CopyObject with a condition on its destination is not simulated: servers ignore it")
		}
		from, err := b.get(key, in.CopySourceIfMatch, nil)
		if err != nil {
			return nil, err
		}
		o := *from
		if in.MetadataDirective == types.MetadataDirectiveReplace {
			h := head{in.ContentType, in.CacheControl, in.ContentEncoding, in.ContentDisposition, in.ContentLanguage, in.Metadata}
			o.head = h.clone()
		} else if key == c.Key {
			return nil, Failure(400, "InvalidRequest", "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata")
		}
		// A copy is one object, however many parts the source came in.
		o.etag, o.sums = etag(o.body), body{keep: string(in.ChecksumAlgorithm), sha: from.sums.sha256}.sums(o.body)
		if err := b.put(c.Key, &o, nil, nil); err != nil {
			return nil, err
		}
		return &s3.CopyObjectOutput{CopyObjectResult: &types.CopyObjectResult{
			ETag: new(o.etag), LastModified: new(o.time), ChecksumSHA256: o.sums.sha256, ChecksumCRC32: o.sums.crc32,
		}}, nil
	})
}

// source reads the name of a copy's source.
func source(escaped string) (bucket, key string, err error) {
	plain, err := url.QueryUnescape(strings.TrimPrefix(escaped, "/"))
	bucket, key, ok := strings.Cut(plain, "/")
	if err != nil || !ok || key == "" {
		return "", "", Failure(400, "InvalidArgument", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
	}
	return bucket, key, nil
}
