package s3test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// upload is an object on its way, in parts.
type upload struct {
	key   string
	head  head
	keep  string
	parts map[int32]part
}

type part struct {
	data []byte
	etag string
	sums sums
}

// CreateMultipartUpload stands for that of *s3.Client.
func (b *Bucket) CreateMultipartUpload(ctx context.Context, in *s3.CreateMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CreateMultipartUploadOutput, error) {
	c := call("CreateMultipartUpload", in.Bucket, in.Key, "s3:PutObject")
	return do(ctx, b, c, in, func() (*s3.CreateMultipartUploadOutput, error) {
		if b.uploads == nil {
			b.uploads = map[string]*upload{}
		}
		b.last++
		id := fmt.Sprintf("upload-%d", b.last)
		h := head{in.ContentType, in.CacheControl, in.ContentEncoding, in.ContentDisposition, in.ContentLanguage, in.Metadata}
		b.uploads[id] = &upload{key: c.Key, head: h.clone(), keep: string(in.ChecksumAlgorithm), parts: map[int32]part{}}
		return &s3.CreateMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, UploadId: new(id), ChecksumAlgorithm: in.ChecksumAlgorithm}, nil
	})
}

// UploadPart stands for that of *s3.Client.
func (b *Bucket) UploadPart(ctx context.Context, in *s3.UploadPartInput, _ ...func(*s3.Options)) (*s3.UploadPartOutput, error) {
	content := body{in.Body, in.ContentLength, in.ContentMD5, in.ChecksumSHA256, in.ChecksumCRC32, string(in.ChecksumAlgorithm)}
	data, bad := content.read()
	c := call("UploadPart", in.Bucket, in.Key, "s3:PutObject")
	c.Bytes = int64(len(data))
	return do(ctx, b, c, in, func() (*s3.UploadPartOutput, error) {
		u, err := b.upload(in.UploadId, c.Key)
		if err = cmp.Or(bad, err); err != nil {
			return nil, err
		}
		if n := in.PartNumber; n == nil || *n < 1 || *n > 10_000 {
			return nil, Failure(400, "InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
		}
		if in.ChecksumSHA256 != nil && u.keep != "SHA256" {
			return nil, Failure(400, "InvalidRequest", "Checksum Type mismatch occurred, expected checksum Type: null, actual checksum Type: sha256")
		}
		p := part{data, etag(data), content.sums(data)}
		u.parts[*in.PartNumber] = p
		return &s3.UploadPartOutput{ETag: new(p.etag), ChecksumSHA256: p.sums.sha256, ChecksumCRC32: p.sums.crc32}, nil
	})
}

// CompleteMultipartUpload stands for that of *s3.Client.
func (b *Bucket) CompleteMultipartUpload(ctx context.Context, in *s3.CompleteMultipartUploadInput, _ ...func(*s3.Options)) (*s3.CompleteMultipartUploadOutput, error) {
	c := write("CompleteMultipartUpload", in.Bucket, in.Key, in.IfMatch, in.IfNoneMatch, 0)
	return do(ctx, b, c, in, func() (*s3.CompleteMultipartUploadOutput, error) {
		u, err := b.upload(in.UploadId, c.Key)
		if err != nil {
			return nil, err
		}
		o, err := u.assemble(in.MultipartUpload, cmp.Or(b.MinPart, 5<<20))
		if err != nil {
			return nil, err
		}
		if n := in.MpuObjectSize; n != nil && *n != int64(len(o.body)) {
			return nil, Failure(400, "InvalidRequest", "The provided 'x-amz-mp-object-size' header does not match what was computed")
		}
		if err := b.put(c.Key, o, in.IfMatch, in.IfNoneMatch); err != nil {
			return nil, err
		}
		delete(b.uploads, *in.UploadId)
		return &s3.CompleteMultipartUploadOutput{Bucket: in.Bucket, Key: in.Key, ETag: new(o.etag)}, nil
	})
}

// assemble makes the object of the parts that were named.
func (u *upload) assemble(named *types.CompletedMultipartUpload, least int) (*object, error) {
	if named == nil || len(named.Parts) == 0 {
		return nil, Failure(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	var all, sums bytes.Buffer
	last := int32(0)
	for i, want := range named.Parts {
		if want.PartNumber == nil || *want.PartNumber <= last {
			return nil, Failure(400, "InvalidPartOrder", "The list of parts was not in ascending order.")
		}
		last = *want.PartNumber
		p, ok := u.parts[last]
		if !ok || !same(str(want.ETag), p.etag) || u.keep == "SHA256" && str(want.ChecksumSHA256) != str(p.sums.sha256) {
			return nil, Failure(400, "InvalidPart", "One or more of the specified parts could not be found.")
		}
		if i < len(named.Parts)-1 && len(p.data) < least {
			return nil, Failure(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size")
		}
		all.Write(p.data)
		sum := md5.Sum(p.data)
		sums.Write(sum[:])
	}
	tag := fmt.Sprintf(`"%x-%d"`, md5.Sum(sums.Bytes()), len(named.Parts))
	return &object{body: all.Bytes(), etag: tag, head: u.head}, nil
}

// AbortMultipartUpload stands for that of *s3.Client.
func (b *Bucket) AbortMultipartUpload(ctx context.Context, in *s3.AbortMultipartUploadInput, _ ...func(*s3.Options)) (*s3.AbortMultipartUploadOutput, error) {
	c := call("AbortMultipartUpload", in.Bucket, in.Key, "s3:AbortMultipartUpload")
	return do(ctx, b, c, in, func() (*s3.AbortMultipartUploadOutput, error) {
		if _, err := b.upload(in.UploadId, c.Key); err != nil {
			return nil, err
		}
		delete(b.uploads, *in.UploadId)
		return &s3.AbortMultipartUploadOutput{}, nil
	})
}

// ListParts stands for that of *s3.Client, all parts on one page.
func (b *Bucket) ListParts(ctx context.Context, in *s3.ListPartsInput, _ ...func(*s3.Options)) (*s3.ListPartsOutput, error) {
	c := call("ListParts", in.Bucket, in.Key, "s3:ListMultipartUploadParts")
	return do(ctx, b, c, in, func() (*s3.ListPartsOutput, error) {
		u, err := b.upload(in.UploadId, c.Key)
		if err != nil {
			return nil, err
		}
		out := &s3.ListPartsOutput{Bucket: in.Bucket, Key: in.Key, UploadId: in.UploadId, IsTruncated: new(false)}
		for _, n := range slices.Sorted(maps.Keys(u.parts)) {
			p := u.parts[n]
			out.Parts = append(out.Parts, types.Part{PartNumber: new(n), ETag: new(p.etag), Size: new(int64(len(p.data)))})
		}
		return out, nil
	})
}

// upload returns an upload that is under way.
func (b *Bucket) upload(id *string, key string) (*upload, error) {
	u := b.uploads[str(id)]
	if u == nil || u.key != key {
		return nil, noSuchUpload()
	}
	return u, nil
}
