package fleet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/target"
)

// Error says how an order ended that did not reach all hosts: why, and where each
// host is now. Its lists are sorted by name. The UnitErrors of the hosts that
// failed and what stopped the order are found through it by errors.Is and errors.As.
type Error struct {
	Fleet   string
	Release target.Release
	// Reason is a sentence: what stopped the order, or that it was finished.
	Reason string

	// Every member is in one of these: on the release, on another one (or none), or
	// not known, because it did not answer when it was last asked.
	New, Old, Unknown []string

	// Failed are the members on which something went wrong, wherever they are now.
	Failed []string

	// Errs are the errors of Failed, and before them what stopped the order, if it was no host.
	Errs []error
}

// Error is one sentence; long lists are cut. The fields have them all.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "activate %s on %s: %s", e.Release.ID, e.Fleet, e.Reason)
	for _, l := range []struct {
		what  string
		names []string
	}{{"on the release", e.New}, {"not on it", e.Old}, {"unknown", e.Unknown}, {"failed", e.Failed}} {
		if len(l.names) > 0 {
			fmt.Fprintf(&b, "; %s: %s", l.what, some(l.names))
		}
	}
	for _, err := range e.Errs[:min(len(e.Errs), maxNamed)] {
		fmt.Fprintf(&b, "; %v", err)
	}
	return b.String()
}

// Unwrap returns Errs.
func (e *Error) Unwrap() []error { return e.Errs }

// maxNamed is how much of a list a sentence can bear.
const maxNamed = 5

func some(names []string) string {
	if len(names) <= maxNamed {
		return fmt.Sprintf("%d (%s)", len(names), strings.Join(names, ", "))
	}
	return fmt.Sprintf("%d (%s, ...)", len(names), strings.Join(names[:maxNamed], ", "))
}

// ErrMinInService says that a host could not be taken out of service without going
// below Config.MinInService. The host was not touched.
var ErrMinInService = errors.New("fleet: too few hosts in service")

// unitError names the host, once: a host's own target has named its unit already.
func unitError(h Host, err error) error {
	if err == nil {
		return nil
	}
	for inner := err; inner != nil; {
		if u, ok := inner.(*target.UnitError); ok {
			return &target.UnitError{Unit: h.Name, Err: u.Err}
		}
		inner = single(inner)
	}
	return &target.UnitError{Unit: h.Name, Err: err}
}

// single unwraps an error that wraps exactly one.
func single(err error) error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return e.Unwrap()
	case interface{ Unwrap() []error }:
		if all := e.Unwrap(); len(all) == 1 {
			return all[0]
		}
	}
	return nil
}
