package s3lock

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/lock"
)

// tries is how often a request is made at most, while its context lasts.
const tries = 8

// condition is what a write requires of what is there.
type condition struct{ match, noneMatch *string }

// condition requires that the version is there.
func (v version) condition() condition {
	if v.etag == "" {
		return condition{noneMatch: new("*")}
	}
	return condition{match: &v.etag}
}

// write puts an object if the condition holds, and asks again as long as that may
// help. It reports whether an answer was lost on the way, so that the object may
// have been written by a request before the last.
func (s *Store) write(ctx context.Context, object string, c condition, body []byte) (etag string, doubtful bool, err error) {
	err = again(ctx, func(ctx context.Context) error {
		sum := sha256.Sum256(body)
		out, err := s.client.PutObject(ctx, &s3.PutObjectInput{
			Bucket: &s.bucket, Key: &object, IfMatch: c.match, IfNoneMatch: c.noneMatch,
			Body: bytes.NewReader(body), ContentLength: new(int64(len(body))),
			ChecksumSHA256: new(base64.StdEncoding.EncodeToString(sum[:])),
			ContentType:    new("application/octet-stream"), CacheControl: new("no-store"),
		}, once)
		if err == nil && out.ETag == nil {
			err = errors.New("the answer has no ETag")
		}
		if err != nil {
			doubtful = doubtful || fateOf(err) == lost
			return s.explain("s3:PutObject", object, err)
		}
		etag = *out.ETag
		return nil
	})
	return etag, doubtful, err
}

// read returns a document and the ETag of its object. There are servers that look up
// the ETag first and open the content then, and a write may come in between. Where an
// ETag is the MD5 of the content this is seen, and the document is read again. Where it
// is not, as in a bucket encrypted by KMS, a second reading says the same, once for all.
func (s *Store) read(ctx context.Context, key string) (document, string, error) {
	d, etag, err := s.get(ctx, key)
	for try := 1; err == nil && try < tries && !s.names(etag, d); try++ {
		before, write := etag, d.writes[0]
		d, etag, err = s.get(ctx, key)
		if err == nil && etag == before && d.writes[0] == write {
			s.opaque.Store(true)
		}
	}
	return d, etag, err
}

// names reports whether the ETag is the document's, as far as can be told from it.
func (s *Store) names(etag string, d document) bool {
	return s.opaque.Load() || etag == fmt.Sprintf(`"%x"`, md5.Sum(d.encode()))
}

// get asks for a document once, or as often as answers are lost.
func (s *Store) get(ctx context.Context, key string) (d document, etag string, err error) {
	object := s.prefix + key
	err = again(ctx, func(ctx context.Context) error {
		out, err := s.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &object}, once)
		if err != nil {
			return s.explain("s3:GetObject", object, err)
		}
		defer out.Body.Close()
		data, err := io.ReadAll(io.LimitReader(out.Body, lock.MaxDocument+maxHeader))
		if err != nil {
			return err
		}
		d, err = parse(data, key)
		if err == nil && out.ETag == nil {
			err = errors.New("the answer has no ETag")
		}
		if err != nil {
			return err
		}
		etag = *out.ETag
		return nil
	})
	switch {
	case fateOf(err) == refused:
		return document{}, "", lock.ErrNotFound
	case err != nil:
		return document{}, "", fmt.Errorf("read document %s from s3://%s/%s: %w", key, s.bucket, object, err)
	}
	return d, etag, nil
}

// once switches off the retries of the client: made by it, one that is refused could
// not be told from one whose first try was written.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }

// again makes a request until it ends with anything but busy or lost, for as long as
// ctx lasts. A try that hangs is given up, each one later than the one before.
func again(ctx context.Context, request func(context.Context) error) error {
	for try := 0; ; try++ {
		bounded, cancel := context.WithTimeout(ctx, min(2*time.Second<<try, 16*time.Second))
		err := request(bounded)
		cancel()
		f := fateOf(err)
		if f != busy && f != lost || errors.Is(err, lock.ErrDamaged) || try == tries-1 {
			return err
		}
		if pause(ctx, try) != nil {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// pause waits between two tries, twice as long each time, and not as long as others.
func pause(ctx context.Context, try int) error {
	longest := min(50*time.Millisecond<<try, time.Second)
	t := time.NewTimer(longest/2 + rand.N(longest/2))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
