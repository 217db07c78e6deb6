package s3target

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// read reads an object of that many bytes at most. A body that breaks off is asked for
// again: the client does not know about it.
func (t *Target) read(ctx context.Context, name string, most int64) (data []byte, etag string, err error) {
	for range 4 {
		var out *s3.GetObjectOutput
		out, err = t.config.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &t.config.Bucket, Key: t.key(name)})
		if err != nil {
			return nil, "", t.explain("s3:GetObject", name, err)
		}
		if out.ETag != nil {
			etag = *out.ETag
		}
		data, err = io.ReadAll(io.LimitReader(out.Body, most+1))
		out.Body.Close()
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err == nil && int64(len(data)) > most {
		err = fmt.Errorf("it has more than %d bytes", most)
	}
	if err != nil {
		err = fmt.Errorf("read %s: %w", t.url(name), err)
	}
	return data, etag, err
}

// key is the whole key of a name below the prefix.
func (t *Target) key(name string) *string { return new(t.config.Prefix + name) }

// url names an object to people.
func (t *Target) url(name string) string {
	return "s3://" + t.config.Bucket + "/" + t.config.Prefix + name
}

// code returns how a server calls the error, or nothing.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// missing reports whether err says that an object is not there.
func missing(err error) bool {
	c := code(err)
	return c == "NoSuchKey" || c == "NotFound"
}

// refused reports whether the condition of a write did not hold.
func refused(err error) bool {
	return code(err) == "PreconditionFailed" || status(err) == http.StatusPreconditionFailed
}

// conflicted reports whether a write was in the way of another one, and is to be tried
// again.
func conflicted(err error) bool {
	return code(err) == "ConditionalRequestConflict" || code(err) == "OperationAborted"
}

// slow reports whether a server asks for fewer requests.
func slow(err error) bool {
	return code(err) == "SlowDown" || code(err) == "RequestLimitExceeded" || status(err) == http.StatusServiceUnavailable
}

func status(err error) int {
	var answer *awshttp.ResponseError
	if errors.As(err, &answer) {
		return answer.HTTPStatusCode()
	}
	return 0
}
