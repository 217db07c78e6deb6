package s3test

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// Fault is what goes wrong with one request, seen from behind the retries of the
// client. The zero value is nothing.
type Fault struct {
	// Delay passes before the bucket sees the request. A context that ends
	// meanwhile ends the request, which then did nothing.
	Delay time.Duration

	// Refuse is answered, and nothing is done. Failure makes the errors of servers;
	// any other error looks like one of the network.
	Refuse error

	// Lose is answered after the request was done.
	Lose error

	// Cut, if positive, is after how many bytes the body of an answer breaks off,
	// with io.ErrUnexpectedEOF.
	Cut int64
}

// before is what happens before the bucket sees the request.
func (f Fault) before(ctx context.Context) error {
	if f.Delay > 0 {
		t := time.NewTimer(f.Delay)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
		}
	}
	if err := ctx.Err(); err != nil {
		return &aws.RequestCanceledError{Err: err}
	}
	return failed(f.Refuse)
}

// failed returns an error as the client would: what is no answer of a server went
// wrong on the way.
func failed(err error) error {
	var answer *smithyhttp.ResponseError
	if err == nil || errors.As(err, &answer) {
		return err
	}
	return &smithyhttp.RequestSendError{Err: err}
}

// cut lets the body of an answer break off.
func (f Fault) cut(out *getOutput) {
	if f.Cut > 0 && f.Cut < *out.ContentLength {
		out.Body = io.NopCloser(io.MultiReader(io.LimitReader(out.Body, f.Cut), breaking{}))
	}
}

// breaking is a body that breaks off.
type breaking struct{}

func (breaking) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
