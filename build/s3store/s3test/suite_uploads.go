package s3test

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// least is the size of the smallest part that S3 takes before the last.
const least = 5 << 20

// parts uploads two parts, the second first, and does not complete them.
func (b *bench) parts(ctx context.Context, key string) (id *string, done []types.CompletedPart, err error) {
	created, err := b.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{
		Bucket: &b.bucket, Key: &key, ContentType: new("text/plain"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
	})
	if err != nil {
		return nil, nil, err
	}
	done = make([]types.CompletedPart, 2)
	for n, content := range map[int32]string{2: "the end", 1: strings.Repeat("x", least)} {
		out, err := b.client.UploadPart(ctx, &s3.UploadPartInput{
			Bucket: &b.bucket, Key: &key, UploadId: created.UploadId, PartNumber: new(n), Body: strings.NewReader(content),
			ContentLength: new(int64(len(content))), ChecksumSHA256: new(sha256Of([]byte(content))),
		})
		if err != nil {
			return nil, nil, err
		}
		done[n-1] = types.CompletedPart{PartNumber: new(n), ETag: out.ETag, ChecksumSHA256: out.ChecksumSHA256}
	}
	return created.UploadId, done, nil
}

// complete makes an object of parts, on condition of an ETag, of absence ("*") or of
// nothing.
func (b *bench) complete(ctx context.Context, key string, id *string, done []types.CompletedPart, condition string) error {
	in := &s3.CompleteMultipartUploadInput{Bucket: &b.bucket, Key: &key, UploadId: id, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}
	switch condition {
	case "":
	case "*":
		in.IfNoneMatch = &condition
	default:
		in.IfMatch = &condition
	}
	_, err := b.client.CompleteMultipartUpload(ctx, in)
	return err
}

func checkUploads(ctx context.Context, b *bench) error {
	id, done, err := b.parts(ctx, "k")
	if err != nil {
		return err
	}
	if err := b.absent(ctx, "k"); err != nil {
		return fmt.Errorf("before an upload is completed: %w", err)
	}
	listed, err := b.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &b.bucket, Key: new("k"), UploadId: id})
	if err != nil || len(listed.Parts) != 2 {
		return fmt.Errorf("of two parts %d are listed, error %v", len(listed.Parts), err)
	}
	if err := b.complete(ctx, "k", id, done, "*"); err != nil {
		return err
	}
	if err := b.holds(ctx, "k", strings.Repeat("x", least)+"the end", ""); err != nil {
		return err
	}
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: new("k")})
	if err != nil {
		return err
	}
	if *head.ContentLength != least+7 || str(head.ContentType) != "text/plain" {
		return fmt.Errorf("head returned %d bytes of %q", *head.ContentLength, str(head.ContentType))
	}
	if id, done, err = b.parts(ctx, "k"); err != nil {
		return err
	}
	return wants(b.complete(ctx, "k", id, done, "*"), "the completion of an upload of what is there", "PreconditionFailed")
}

func checkAborted(ctx context.Context, b *bench) error {
	id, done, err := b.parts(ctx, "k")
	if err != nil {
		return err
	}
	wrong := []types.CompletedPart{done[0], {PartNumber: new(int32(2)), ETag: done[0].ETag}}
	if err := b.complete(ctx, "k", id, wrong, ""); err == nil {
		return fmt.Errorf("an upload was completed with a part that was never sent")
	}
	if _, err := b.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &b.bucket, Key: new("k"), UploadId: id}); err != nil {
		return err
	}
	if err := wants(b.complete(ctx, "k", id, done, ""), "the completion of an upload that was aborted", "NoSuchUpload"); err != nil {
		return err
	}
	return b.absent(ctx, "k")
}
