package s3test

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Failure returns the error of a server that answers with a status and a code, such
// as 503 and SlowDown, or 409 and ConditionalRequestConflict, to be used in a Fault.
func Failure(status int, code, message string) error {
	return answered(status, &smithy.GenericAPIError{Code: code, Message: message})
}

// answered is an error as the client returns it: with the answer's status.
func answered(status int, err error) error {
	response := &http.Response{StatusCode: status, Header: http.Header{}}
	return &awshttp.ResponseError{
		RequestID:     "in-memory",
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: response}, Err: err},
	}
}

func noSuchKey() error {
	return answered(404, &types.NoSuchKey{Message: new("The specified key does not exist.")})
}

func notFound() error { return answered(404, &types.NotFound{Message: new("Not Found")}) }

// noSuchBucket is what is answered to a request for another bucket. An answer to
// HEAD has no body, and so no code that could tell.
func noSuchBucket(c Call) error {
	if c.Operation == "HeadObject" || c.Operation == "HeadBucket" {
		return notFound()
	}
	return answered(404, &types.NoSuchBucket{Message: new("The specified bucket does not exist")})
}

func noSuchUpload() error {
	return answered(404, &types.NoSuchUpload{Message: new("The specified upload does not exist.")})
}

func preconditionFailed() error {
	return Failure(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
}

// missing reports whether err says that an object is not there.
func missing(err error) bool {
	var key *types.NoSuchKey
	var object *types.NotFound
	return errors.As(err, &key) || errors.As(err, &object)
}

// simulated lists the fields of requests that the Bucket knows.
var simulated = []string{
	"Bucket", "Key", "Body", "ContentLength", "ContentMD5", "ChecksumSHA256", "ChecksumCRC32", "ChecksumAlgorithm",
	"ChecksumMode", "ChecksumType", "ContentType", "CacheControl", "ContentEncoding", "ContentDisposition",
	"ContentLanguage", "Metadata", "IfMatch", "IfNoneMatch", "Range", "CopySource", "CopySourceIfMatch",
	"MetadataDirective", "Delete", "Prefix", "Delimiter", "MaxKeys", "ContinuationToken", "StartAfter",
	"UploadId", "PartNumber", "MultipartUpload", "PartNumberMarker", "MaxParts", "MpuObjectSize",
}

// known refuses requests with fields that the Bucket does not know: what it would
// silently ignore, a server would not.
func known(operation string, in any) error {
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || v.Field(i).IsZero() || slices.Contains(simulated, f.Name) {
			continue
		}
		if f.Name == "ACL" {
			return Failure(400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
		}
		return fmt.Errorf("s3test: %s with %s is not simulated", operation, f.Name)
	}
	return nil
}
