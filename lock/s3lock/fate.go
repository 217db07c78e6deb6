package s3lock

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// fate is what the answer to a request says about it.
type fate int

const (
	done    fate = iota
	refused      // the condition does not hold: this copy of the request wrote nothing
	busy         // nothing was done, and it should be asked again
	lost         // nobody knows; asking again is safe, and may help
	denied       // nothing was done, and asking again is no use
)

// fateOf returns the fate of the request that ended with err.
func fateOf(err error) fate {
	if err == nil {
		return done
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return lost
	}
	switch api.ErrorCode() {
	case "PreconditionFailed", "NoSuchKey":
		return refused
	case "ConditionalRequestConflict", "OperationAborted", "RequestTimeTooSkewed":
		return busy
	case "NotImplemented":
		return denied
	}
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) {
		return lost
	}
	switch status := answer.HTTPStatusCode(); {
	case status >= 500, status < 300, status == http.StatusRequestTimeout, status == http.StatusTooManyRequests:
		return lost
	case status == http.StatusPreconditionFailed:
		return refused
	}
	return denied
}

// explain says what to do about an error that asking again does not help.
func (s *Store) explain(action, object string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	why := ""
	switch api.ErrorCode() {
	case "NoSuchBucket":
		why = fmt.Sprintf("there is no bucket %s", s.bucket)
	case "AccessDenied", "Forbidden":
		why = fmt.Sprintf("the credentials lack %s on s3://%s/%s, or s3:ListBucket on the bucket, without which absence is forbidden too", action, s.bucket, object)
	case "PermanentRedirect", "MovedPermanently", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException":
		why = fmt.Sprintf("the bucket %s is in another region than the client's", s.bucket)
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
