package host

import (
	"errors"
	"fmt"
	"math"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
)

var (
	errSilent = errors.New("the script gave no answer, or it was cut")
	errNumber = errors.New("order's number is above what a shell can count")
)

// checkOrder refuses what may not reach a host's shell, or its fence.
func checkOrder(o target.Order) error {
	var errs []error
	if o.Number == 0 {
		errs = append(errs, errors.New("order has no number"))
	}
	if o.Number > math.MaxInt64 {
		errs = append(errs, errNumber)
	}
	if err := build.CheckDigest(o.Release.Digest); err != nil {
		errs = append(errs, fmt.Errorf("order's release: %w", err))
	}
	for _, digest := range o.Keep {
		if err := build.CheckDigest(digest); err != nil {
			errs = append(errs, fmt.Errorf("order's list of what to keep: %w", err))
		}
	}
	return errors.Join(errs...)
}
