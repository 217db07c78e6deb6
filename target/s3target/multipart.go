package s3target

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// maxPart keeps a part in memory: what is larger than ten thousand of them is refused.
const maxPart = 32 << 20

// partSize is how large the parts of a file are.
func partSize(size int64) int64 { return max(whole, (size+9999)/10000) }

// putParts uploads a large file part by part, one in memory at a time; several files
// go at once. Nothing is seen of it before it was read to its end and found to be what
// the manifest says, which the artifact's reader does.
func (t *Target) putParts(ctx context.Context, from io.Reader, o object, sent func(int64)) error {
	if partSize(o.file.Size) > maxPart {
		return fmt.Errorf("%s has %d bytes: the most is %d", o.file.Path, o.file.Size, int64(10000*maxPart))
	}
	made, err := t.config.Client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &t.config.Bucket, Key: t.key(o.source()), Metadata: o.metadata(""), ContentType: &o.ContentType,
		CacheControl: &o.CacheControl, ContentEncoding: maybe(o.ContentEncoding), ChecksumAlgorithm: s3types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		return t.explain("s3:PutObject", o.source(), err)
	}
	err = t.parts(ctx, from, o, made.UploadId, sent)
	if err != nil && !errors.Is(err, errThere) {
		return errors.Join(err, t.abort(ctx, o, made.UploadId))
	}
	if err != nil {
		return errors.Join(t.same(ctx, o), t.abort(ctx, o, made.UploadId))
	}
	return nil
}

// errThere says that a hashed asset stands there already.
var errThere = errors.New("it is there")

// parts uploads all parts and completes the upload.
func (t *Target) parts(ctx context.Context, from io.Reader, o object, id *string, sent func(int64)) error {
	var done []s3types.CompletedPart
	buffer := make([]byte, partSize(o.file.Size))
	left := o.file.Size
	for left > 0 {
		n, err := io.ReadFull(from, buffer[:min(left, int64(len(buffer)))])
		if err != nil {
			return fmt.Errorf("%s is shorter than %d bytes, or cannot be read: %w", o.file.Path, o.file.Size, err)
		}
		left -= int64(n)
		if left == 0 { // The artifact's reader judges at the end.
			if m, err := from.Read(make([]byte, 1)); m > 0 || err != nil && err != io.EOF {
				return fmt.Errorf("%s does not end after %d bytes: %w", o.file.Path, o.file.Size, err)
			}
		}
		part, err := t.part(ctx, o, id, int32(len(done)+1), buffer[:n])
		if err != nil {
			return err
		}
		done = append(done, part)
		sent(int64(n))
	}
	in := &s3.CompleteMultipartUploadInput{
		Bucket: &t.config.Bucket, Key: t.key(o.source()), UploadId: id,
		MultipartUpload: &s3types.CompletedMultipartUpload{Parts: done},
	}
	if o.hashed() {
		in.IfNoneMatch = new("*")
	}
	_, err := t.config.Client.CompleteMultipartUpload(ctx, in)
	if refused(err) {
		return errThere
	}
	if err != nil && t.same(ctx, o) == nil {
		return nil // The answer was lost.
	}
	return t.explain("s3:PutObject", o.source(), err)
}

// part uploads one part, which the server compares with its checksum.
func (t *Target) part(ctx context.Context, o object, id *string, number int32, data []byte) (s3types.CompletedPart, error) {
	check := checksum(data)
	out, err := t.config.Client.UploadPart(ctx, &s3.UploadPartInput{
		Bucket: &t.config.Bucket, Key: t.key(o.source()), UploadId: id, PartNumber: &number,
		Body: bytes.NewReader(data), ContentLength: new(int64(len(data))), ChecksumSHA256: &check,
	})
	if err != nil {
		return s3types.CompletedPart{}, t.explain("s3:PutObject", o.source(), err)
	}
	return s3types.CompletedPart{ETag: out.ETag, PartNumber: &number, ChecksumSHA256: &check}, nil
}

// abort gives an upload up, also when ctx has ended: its parts would be paid for.
func (t *Target) abort(ctx context.Context, o object, id *string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_, err := t.config.Client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{
		Bucket: &t.config.Bucket, Key: t.key(o.source()), UploadId: id,
	})
	if c := code(err); c == "NoSuchUpload" {
		return nil
	}
	return t.explain("s3:AbortMultipartUpload", o.source(), err)
}
