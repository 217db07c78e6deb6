package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/muster-deploy/muster/build"
)

// Client is what a Store asks of S3. A *s3.Client is one; its retries are relied on.
type Client interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	HeadObject(context.Context, *s3.HeadObjectInput, ...func(*s3.Options)) (*s3.HeadObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// Config says where bytes are kept.
type Config struct {
	// Client sends the requests. It should not be the one of the locks: an upload
	// must not delay a lease.
	Client Client

	// Bucket is the name of a bucket that is there.
	Bucket string

	// Prefix stands before every key, such as "artifacts/". Stores with one prefix
	// share their chunks.
	Prefix string
}

// validate returns everything that is wrong, joined.
func (c Config) validate() error {
	var errs []error
	if c.Client == nil {
		errs = append(errs, errors.New("config has no Client: make one with s3.NewFromConfig"))
	}
	if c.Bucket == "" {
		errs = append(errs, errors.New("config names no Bucket"))
	}
	if c.Prefix != "" && !strings.HasSuffix(c.Prefix, "/") {
		errs = append(errs, fmt.Errorf("config's Prefix is %q, want it to end in a slash", c.Prefix))
	}
	return errors.Join(errs...)
}

// Store is a build.Store in a bucket. Make one with New. Any number of them, on any
// number of machines, may share a bucket and a prefix.
type Store struct {
	requests
	seen seen
}

var _ build.Store = (*Store)(nil)

// New returns the Store of a bucket. It does no input or output.
func New(c Config) (*Store, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("use store bucket: %w", err)
	}
	return &Store{requests: requests{c.Client, c.Bucket, c.Prefix}}, nil
}

// Where things are in the bucket, after the prefix.
const (
	contents = "contents/" // then a key
	chunks   = "chunks/"   // then a digest
)

// maxInline is the size in bytes of the largest content that is kept without chunks.
const maxInline = 256 << 10

// Put implements build.Store. Chunks that an upload without an end has left in the
// bucket are used by the next one.
func (s *Store) Put(ctx context.Context, key string, r io.Reader) error {
	if err := errors.Join(ctx.Err(), build.CheckKey(key)); err != nil {
		return err
	}
	cut := newCutter(r)
	first, err := cut.next()
	if err != nil && err != io.EOF {
		return fmt.Errorf("put %s: %w", key, err)
	}
	l := list{inline: first}
	if len(first) > maxInline || cut.left() {
		if l, err = s.upload(ctx, first, cut); err != nil {
			return fmt.Errorf("put %s: %w", key, err)
		}
	}
	object, err := l.encode()
	if err == nil {
		err = s.name(ctx, key, object)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	return nil
}

// name puts a list under its key. After an error it looks whether it is there all the
// same: the answer may have been lost.
func (s *Store) name(ctx context.Context, key string, object []byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := s.put(ctx, contents+key, object)
	if err == nil {
		return nil
	}
	there, unread := s.get(ctx, contents+key, maxList)
	if unread == nil && bytes.Equal(there, object) {
		return nil
	}
	return err
}

// Get implements build.Store. The reader has ReadAt too, and both go on when ctx has
// ended: what was opened is closed by Close. An error of it wraps build.ErrCorrupt
// where the bucket holds something else than was put.
func (s *Store) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := errors.Join(ctx.Err(), build.CheckKey(key)); err != nil {
		return nil, err
	}
	l, err := s.list(ctx, key)
	if err != nil {
		return nil, err
	}
	if len(l.chunks) == 0 {
		return inlined{bytes.NewReader(l.inline)}, nil
	}
	return s.newReader(ctx, key, l), nil
}

// inlined is content without chunks.
type inlined struct{ *bytes.Reader }

func (inlined) Close() error { return nil }

// list reads what is under a key.
func (s *Store) list(ctx context.Context, key string) (list, error) {
	object, err := s.get(ctx, contents+key, maxList)
	if missing(err) {
		return list{}, fmt.Errorf("%s: %w", key, build.ErrNotFound)
	}
	var l list
	if err == nil {
		l, err = parse(object)
	}
	if err != nil {
		return list{}, fmt.Errorf("get %s from s3://%s/%s: %w", key, s.bucket, s.prefix+contents+key, err)
	}
	return l, nil
}

// Delete implements build.Store. It leaves the chunks for Prune.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := errors.Join(ctx.Err(), build.CheckKey(key)); err != nil {
		return err
	}
	if err := s.delete(ctx, contents+key); err != nil {
		return fmt.Errorf("delete %s: %w", key, err)
	}
	return nil
}
