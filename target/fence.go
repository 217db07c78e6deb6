package target

import "fmt"

// Fence is what a unit remembers of the orders that it was given: the highest number,
// and the release that came with it. A target keeps it where the unit is, and replaces
// it there in one step with what it guards. The zero Fence admits every order.
type Fence struct {
	Number uint64 `json:"number"`
	// Digest is the release's; empty after a fencing Observe, which has none.
	Digest string `json:"digest,omitempty"`
}

// Check returns an error that wraps ErrStale if the unit has seen a higher number than
// o's. It is all that Prepare asks.
func (f Fence) Check(o Order) error {
	if o.Number < f.Number {
		return fmt.Errorf("order %d, seen %d: %w", o.Number, f.Number, ErrStale)
	}
	return nil
}

// Raise returns the fence as o leaves it, for Activate; for Observe, o is without a
// Release. A lower number, or the same one with another release, is an error that wraps
// ErrStale, beside the fence as it is. The same order may come twice.
func (f Fence) Raise(o Order) (Fence, error) {
	if err := f.Check(o); err != nil {
		return f, err
	}
	if o.Number == f.Number && o.Release.Digest != f.Digest {
		return f, fmt.Errorf("order %d was given for another release: %w", o.Number, ErrStale)
	}
	return Fence{o.Number, o.Release.Digest}, nil
}
