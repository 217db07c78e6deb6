package s3store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/muster-deploy/muster/build"
)

// requests asks for objects below a prefix. What fails for a moment is asked for
// again by the client itself.
type requests struct {
	client         Client
	bucket, prefix string
}

// put writes an object, which S3 compares with its checksum.
func (r requests) put(ctx context.Context, name string, data []byte) error {
	sum := sha256.Sum256(data)
	_, err := r.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &r.bucket, Key: new(r.prefix + name), Body: bytes.NewReader(data), ContentLength: new(int64(len(data))),
		ChecksumSHA256: new(base64.StdEncoding.EncodeToString(sum[:])), ContentType: new("application/octet-stream"),
	})
	return r.explain("s3:PutObject", name, err)
}

// get reads an object of that many bytes at most. A body that breaks off is asked for
// again: the client does not know about it.
func (r requests) get(ctx context.Context, name string, most int64) (data []byte, err error) {
	for range 4 {
		var out *s3.GetObjectOutput
		out, err = r.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &r.bucket, Key: new(r.prefix + name)})
		if err != nil {
			return nil, r.explain("s3:GetObject", name, err)
		}
		data, err = io.ReadAll(io.LimitReader(out.Body, most+1))
		out.Body.Close()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d bytes: %w", most, build.ErrCorrupt)
	}
	return data, err
}

// age returns when an object was written.
func (r requests) age(ctx context.Context, name string) (time.Time, error) {
	out, err := r.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &r.bucket, Key: new(r.prefix + name)})
	if err != nil {
		return time.Time{}, r.explain("s3:GetObject", name, err)
	}
	if out.LastModified == nil {
		return time.Time{}, nil
	}
	return *out.LastModified, nil
}

// delete removes an object, or does nothing if it is not there.
func (r requests) delete(ctx context.Context, name string) error {
	_, err := r.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.bucket, Key: new(r.prefix + name)})
	if missing(err) {
		return nil // Some servers say so.
	}
	return r.explain("s3:DeleteObject", name, err)
}

// missing reports whether err says that an object is not there.
func missing(err error) bool {
	var key *types.NoSuchKey
	var object *types.NotFound
	return errors.As(err, &key) || errors.As(err, &object)
}

// explain says what to do about an error of a server.
func (r requests) explain(action, name string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	why := ""
	switch api.ErrorCode() {
	case "NoSuchBucket":
		why = fmt.Sprintf("there is no bucket %s", r.bucket)
	case "AccessDenied", "Forbidden":
		why = fmt.Sprintf("the credentials lack %s on s3://%s/%s, or s3:ListBucket on the bucket, without which absence is forbidden too", action, r.bucket, r.prefix+name)
	case "PermanentRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		why = fmt.Sprintf("the bucket %s is in another region than the client's", r.bucket)
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		why = "the credentials have expired"
	case "InvalidAccessKeyId", "XAdminUserNotFound":
		why = "the server does not know the credentials"
	case "SignatureDoesNotMatch":
		why = "the secret key is not that of the access key, or something on the way changes requests"
	case "RequestTimeTooSkewed":
		why = "this machine's clock differs too much from the server's"
	case "XMinioStorageFull", "QuotaExceeded":
		why = "the server has no room left"
	default:
		return err
	}
	return fmt.Errorf("%s: %w", why, err)
}
