package s3store

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Presigner signs requests ahead of their use. A *s3.PresignClient is one.
type Presigner interface {
	PresignGetObject(context.Context, *s3.GetObjectInput, ...func(*s3.PresignOptions)) (*v4.PresignedHTTPRequest, error)
}

// lent are objects that are content as it is, named by its digest, after the prefix.
const lent = "lent/"

// longest is the longest life that S3 gives a URL.
const longest = 7 * 24 * time.Hour

// Presign keeps content as one object, unless the bucket holds it already, and returns
// a URL from which a machine without credentials reads it, as one plain GET.
//
// Who knows the URL reads the content: it is a secret. Give it minutes to live, and hand
// it to curl in a file (-K), not as an argument. It ends with the credentials that have
// signed it, if those end before. Who reads has to compare a digest that came another
// way, as always.
//
// Content is read twice, and is at most 5 GB long. It is there for ten days at least,
// and Prune deletes it after thirty. Calls beside each other do no harm.
func (s *Store) Presign(ctx context.Context, p Presigner, content io.ReadSeeker, life time.Duration) (url string, err error) {
	if life < time.Second || life > longest {
		return "", fmt.Errorf("presign: a URL lives from 1s to %v, not %v", longest, life)
	}
	name, err := s.lend(ctx, content)
	if err != nil {
		return "", fmt.Errorf("presign: %w", err)
	}
	signed, err := p.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &s.bucket, Key: &name}, s3.WithPresignExpires(life))
	if err != nil {
		return "", fmt.Errorf("presign s3://%s/%s: %w", s.bucket, name, err)
	}
	return signed.URL, nil
}

// lend puts content that is not there, or so old that it may be pruned, and returns its
// key.
func (s *Store) lend(ctx context.Context, content io.ReadSeeker) (key string, err error) {
	hash := sha256.New()
	_, err = content.Seek(0, io.SeekStart)
	size, copyErr := io.Copy(hash, content)
	if err = errors.Join(err, copyErr); err != nil {
		return "", fmt.Errorf("read the content: %w", err)
	}
	sum := hash.Sum(nil)
	name := lent + hex.EncodeToString(sum)
	written, err := s.age(ctx, name)
	if err == nil && time.Since(written) < trusted {
		return s.prefix + name, nil
	}
	if err != nil && !missing(err) {
		return "", err
	}
	if _, err = content.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("read the content again: %w", err)
	}
	_, err = s.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.bucket, Key: new(s.prefix + name), Body: content, ContentLength: &size,
		ChecksumSHA256: new(base64.StdEncoding.EncodeToString(sum)), ContentType: new("application/octet-stream"),
	})
	return s.prefix + name, s.explain("s3:PutObject", name, err)
}
