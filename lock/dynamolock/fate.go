package dynamolock

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
	case "ConditionalCheckFailedException":
		return refused
	case "ProvisionedThroughputExceededException", "ThrottlingException", "RequestLimitExceeded", "TransactionConflictException":
		return busy
	}
	var answer *smithyhttp.ResponseError
	if !errors.As(err, &answer) {
		return lost
	}
	if status := answer.HTTPStatusCode(); status >= 500 || status < 300 || status == http.StatusRequestTimeout || status == http.StatusTooManyRequests {
		return lost
	}
	return denied
}

// explain says what to do about an error that asking again does not help.
func (s *Store) explain(action string, err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	why := ""
	switch api.ErrorCode() {
	case "ResourceNotFoundException":
		why = fmt.Sprintf("there is no table %s in the client's region: CreateTable makes one", s.table)
	case "AccessDeniedException":
		why = fmt.Sprintf("the credentials lack %s on the table %s", action, s.table)
	case "ExpiredTokenException", "ExpiredToken":
		why = "the credentials have expired"
	case "UnrecognizedClientException":
		why = "the server does not know the credentials, or not in this region"
	case "InvalidSignatureException":
		why = "the secret key is not that of the access key, or this machine's clock is wrong"
	case "ValidationException":
		why = fmt.Sprintf("the table %s must have a partition key %q, a string, and no sort key", s.table, keyAttribute)
	default:
		return err
	}
	return fmt.Errorf("%s: %w", why, err)
}
