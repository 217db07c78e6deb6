package s3target

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// ErrConditions says that a server does not honour conditional writes: an overtaken
// deployer could move the pointer back.
var ErrConditions = errors.New("s3target: the server does not honour conditional writes")

// probeName is the object that Open writes.
const probeName = folder + "conditional-writes"

// Open is New, and asks the bucket whether it is there, may be written, and honours
// conditional writes: three small requests. ErrConditions says that it does not.
func Open(ctx context.Context, c Config) (*Target, error) {
	t, err := New(c)
	if err != nil {
		return nil, err
	}
	if err := t.probe(ctx); err != nil {
		return nil, fmt.Errorf("open %s: %w", t.config.Name, err)
	}
	return t, nil
}

// probe writes an object under conditions that do not hold.
func (t *Target) probe(ctx context.Context) error {
	in := s3.PutObjectInput{IfNoneMatch: new("*")}
	err := t.try(ctx, in)
	if err == nil { // It was not there, or the server has ignored it.
		err = t.try(ctx, in)
	}
	if err := t.judge("If-None-Match: *", err); err != nil {
		return err
	}
	other := `"00000000000000000000000000000000"`
	return t.judge("If-Match", t.try(ctx, s3.PutObjectInput{IfMatch: &other}))
}

func (t *Target) try(ctx context.Context, in s3.PutObjectInput) error {
	text := []byte("muster writes this object to find out whether conditional writes are honoured.\n")
	in.Bucket, in.Key, in.Body, in.ContentLength = &t.config.Bucket, t.key(probeName), bytes.NewReader(text), new(int64(len(text)))
	in.ContentType = new("text/plain; charset=utf-8")
	_, err := t.config.Client.PutObject(ctx, &in)
	return err
}

// judge says what the answer to a write means whose condition does not hold.
func (t *Target) judge(condition string, err error) error {
	switch {
	case err == nil:
		return fmt.Errorf("%w: it wrote an object although its condition, %s, did not hold", ErrConditions, condition)
	case refused(err):
		return nil
	case code(err) == "NotImplemented":
		return fmt.Errorf("%w: it does not know %s: %w", ErrConditions, condition, err)
	}
	return t.explain("s3:PutObject", probeName, err)
}
