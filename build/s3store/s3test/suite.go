package s3test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// TestBucket checks that a bucket does what muster relies on: conditions above all,
// and the shapes of answers and errors. Make is called for each check and returns a
// client and the name of an empty bucket, whose objects may be deleted afterwards.
//
//	s3test.TestBucket(t, func(t testing.TB) (s3test.Client, string) {
//		return &s3test.Bucket{}, "bucket"
//	})
func TestBucket(t *testing.T, make func(testing.TB) (Client, string)) {
	t.Helper()
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			client, bucket := make(t)
			if err := c.do(t.Context(), client, bucket); err != nil {
				t.Errorf("%s: %v", c.promise, err)
			}
		})
	}
}

// check is one check of the suite.
type check struct {
	name, promise string
	run           func(context.Context, *bench) error
}

// checks are all checks, the simple ones first.
var checks = []check{
	{"absence", "what is not there is an error of its own kind", checkAbsence},
	{"bytes", "an object comes back byte by byte, with what was said about it", checkBytes},
	{"ranges", "a part of an object can be read, on condition that it is the same object", checkRanges},
	{"keys", "a key may hold every character", checkKeys},
	{"bodies", "a body that is not what its checksum says is not stored", checkBodies},
	{"create", "a write with If-None-Match: * happens only if nothing is there", checkCreate},
	{"swap", "a write with If-Match happens only if that very object is there", checkSwap},
	{"create race", "of many that create at the same time one succeeds", checkCreateRace},
	{"swap race", "of many that swap at the same time one succeeds", checkSwapRace},
	{"copies", "a copy may replace what is said about an object, on condition that the source is the same", checkCopies},
	{"deletions", "a deletion succeeds also when nothing is there", checkDeletions},
	{"listings", "a listing is sorted and whole, page by page", checkListings},
	{"uploads", "an object in parts appears whole, under a condition", checkUploads},
	{"aborted uploads", "an upload that was aborted leaves nothing", checkAborted},
}

// do runs the check for no longer than a minute.
func (c check) do(ctx context.Context, client Client, bucket string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Minute, errors.New("the check took longer than a minute"))
	defer cancel()
	return c.run(ctx, &bench{client: client, bucket: bucket})
}

// bench is what a check works with.
type bench struct {
	client Client
	bucket string
}

// put writes an object, on condition of an ETag, of absence ("*") or of nothing.
func (b *bench) put(ctx context.Context, key, content, condition string) (etag string, err error) {
	in := &s3.PutObjectInput{Bucket: &b.bucket, Key: &key, Body: bytes.NewReader([]byte(content))}
	switch condition {
	case "":
	case "*":
		in.IfNoneMatch = &condition
	default:
		in.IfMatch = &condition
	}
	out, err := b.client.PutObject(ctx, in)
	if err != nil {
		return "", err
	}
	if out.ETag == nil || len(*out.ETag) < 3 {
		return "", fmt.Errorf("put of %q returned the ETag %q", key, str(out.ETag))
	}
	return *out.ETag, nil
}

// get reads an object.
func (b *bench) get(ctx context.Context, key string) (content, etag string, err error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.bucket, Key: &key})
	if err != nil {
		return "", "", err
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	return string(data), str(out.ETag), err
}

// holds expects an object.
func (b *bench) holds(ctx context.Context, key, want, etag string) error {
	got, tag, err := b.get(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("get %q: %w", key, err)
	case got != want:
		return fmt.Errorf("get %q returned %.40q (%d bytes), want %.40q (%d bytes)", key, got, len(got), want, len(want))
	case etag != "" && tag != etag:
		return fmt.Errorf("get %q returned the ETag %s, its writer was told %s", key, tag, etag)
	}
	return nil
}

// absent expects that there is no object.
func (b *bench) absent(ctx context.Context, key string) error {
	got, _, err := b.get(ctx, key)
	if code(err) != "NoSuchKey" {
		return fmt.Errorf("get %q, which is not there, returned %.40q and error %v, want NoSuchKey", key, got, err)
	}
	return nil
}

// wants expects an error with one of the codes.
func wants(err error, what string, codes ...string) error {
	for _, c := range codes {
		if code(err) == c {
			return nil
		}
	}
	return fmt.Errorf("%s returned error %v, want %s", what, err, codes)
}

// code returns the code of a server's error.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
