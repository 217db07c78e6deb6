package s3test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// copy copies an object on condition of its ETag, and says what the copy is.
func (b *bench) copy(ctx context.Context, from, to, etag, contentType string) (*s3.CopyObjectOutput, error) {
	return b.client.CopyObject(ctx, &s3.CopyObjectInput{
		Bucket: &b.bucket, Key: &to, CopySource: new(b.bucket + "/" + strings.ReplaceAll(url.QueryEscape(from), "+", "%20")), CopySourceIfMatch: &etag,
		MetadataDirective: types.MetadataDirectiveReplace, ContentType: &contentType, CacheControl: new("no-cache"),
		Metadata: map[string]string{"copied": "yes"},
	})
}

func checkCopies(ctx context.Context, b *bench) error {
	old, err := b.put(ctx, "from", "old", "")
	if err != nil {
		return err
	}
	etag, err := b.put(ctx, "from", "content", "")
	if err != nil {
		return err
	}
	_, err = b.copy(ctx, "from", "to", old, "text/html")
	if err := wants(err, "a copy of what was replaced", "PreconditionFailed"); err != nil {
		return err
	}
	_, err = b.copy(ctx, "absent", "to", etag, "text/html")
	if err := wants(err, "a copy of what is not there", "NoSuchKey"); err != nil {
		return err
	}
	if err := b.absent(ctx, "to"); err != nil {
		return err
	}
	for range 2 { // The second one replaces.
		if _, err := b.copy(ctx, "from", "to", etag, "text/html"); err != nil {
			return err
		}
	}
	head, err := b.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.bucket, Key: new("to")})
	if err != nil {
		return err
	}
	if got, want := fmt.Sprint(str(head.ContentType), str(head.CacheControl), head.Metadata), fmt.Sprint("text/html", "no-cache", map[string]string{"copied": "yes"}); got != want {
		return fmt.Errorf("a copy is described as %s, want %s", got, want)
	}
	return b.holds(ctx, "to", "content", "")
}

func checkDeletions(ctx context.Context, b *bench) error {
	for _, key := range []string{"a", "b", "c", "d"} {
		if _, err := b.put(ctx, key, key, ""); err != nil {
			return err
		}
	}
	for range 2 {
		if _, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.bucket, Key: new("a")}); err != nil {
			return err
		}
		if err := b.absent(ctx, "a"); err != nil {
			return err
		}
		many := &types.Delete{Quiet: new(true), Objects: []types.ObjectIdentifier{{Key: new("b")}, {Key: new("c")}, {Key: new("never")}}}
		out, err := b.client.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &b.bucket, Delete: many})
		if err != nil {
			return err
		}
		if len(out.Errors) > 0 {
			return fmt.Errorf("the deletion of %s: %s", str(out.Errors[0].Key), str(out.Errors[0].Message))
		}
	}
	left, err := b.list(ctx, "", "", 0)
	if err == nil && !slices.Equal(left, []string{"d"}) {
		err = fmt.Errorf("after the deletions %q are listed, want d", left)
	}
	return err
}

// list returns the keys and common prefixes, page by page.
func (b *bench) list(ctx context.Context, prefix, delimiter string, page int32) ([]string, error) {
	in := &s3.ListObjectsV2Input{Bucket: &b.bucket}
	if prefix != "" {
		in.Prefix = &prefix
	}
	if delimiter != "" {
		in.Delimiter = &delimiter
	}
	if page > 0 {
		in.MaxKeys = &page
	}
	var all []string
	for range 100 {
		out, err := b.client.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, o := range out.Contents {
			all = append(all, *o.Key)
		}
		for _, p := range out.CommonPrefixes {
			all = append(all, *p.Prefix)
		}
		if page > 0 && len(out.Contents)+len(out.CommonPrefixes) > int(page) {
			return nil, fmt.Errorf("a page of %d has %d entries", page, len(out.Contents)+len(out.CommonPrefixes))
		}
		if out.IsTruncated == nil || !*out.IsTruncated {
			return all, nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
	return nil, errors.New("a listing has no end")
}

func checkListings(ctx context.Context, b *bench) error {
	if got, err := b.list(ctx, "", "", 0); err != nil || len(got) > 0 {
		return fmt.Errorf("the listing of an empty bucket returned %q, error %v", got, err)
	}
	keys := []string{"Z", "a/1", "a/2", "a/b/3", "a/b/4", "a1", "b/5", "z"}
	for _, key := range slices.Backward(keys) {
		if _, err := b.put(ctx, key, key, ""); err != nil {
			return err
		}
	}
	for _, page := range []int32{0, 1, 3} {
		for _, c := range []struct {
			prefix, delimiter string
			want              []string
		}{
			{"", "", keys},
			{"a/", "", []string{"a/1", "a/2", "a/b/3", "a/b/4"}},
			{"a/", "/", []string{"a/1", "a/2", "a/b/"}},
			{"none", "", nil},
		} {
			got, err := b.list(ctx, c.prefix, c.delimiter, page)
			if err != nil || !slices.Equal(got, c.want) {
				return fmt.Errorf("the listing of %q by %q in pages of %d returned %q, error %v, want %q", c.prefix, c.delimiter, page, got, err, c.want)
			}
		}
	}
	return nil
}
