package s3lock

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/smithy-go"
)

// ErrConditions says that a server does not honour conditional writes. Two deployers
// that share it would both believe that they are alone.
var ErrConditions = errors.New("s3lock: the server does not honour conditional writes")

// probeObject is the object that the probe writes. No document has its name: "~" is
// in no key.
const probeObject = "~conditional-writes"

// probeText is what is in it.
const probeText = "muster writes this object to find out whether conditional writes are honoured.\n"

// probe writes an object with conditions that do not hold, and returns an error if
// they are not refused.
func (s *Store) probe(ctx context.Context) error {
	err := s.try(ctx, condition{noneMatch: new("*")})
	if err == nil { // It was not there, or else the server has ignored it.
		err = s.try(ctx, condition{noneMatch: new("*")})
	}
	if err := judge("If-None-Match: *", err); err != nil {
		return err
	}
	other := condition{match: new(`"00000000000000000000000000000000"`)}
	return judge("If-Match", s.try(ctx, other))
}

// try writes the probe's object.
func (s *Store) try(ctx context.Context, c condition) error {
	_, _, err := s.write(ctx, s.prefix+probeObject, c, []byte(probeText))
	return err
}

// judge says what the answer to a write means whose condition does not hold.
func judge(header string, err error) error {
	var api smithy.APIError
	switch {
	case err == nil:
		return fmt.Errorf("%w: it wrote an object although its condition, %s, did not hold", ErrConditions, header)
	case fateOf(err) == refused:
		return nil
	case errors.As(err, &api) && api.ErrorCode() == "NotImplemented":
		return fmt.Errorf("%w: it does not know %s: %w", ErrConditions, header, err)
	}
	return fmt.Errorf("find out whether conditional writes are honoured: %w", err)
}
