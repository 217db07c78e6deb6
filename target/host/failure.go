package host

import (
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/target"
)

// Back says what serves on a host after an Activate has failed on it.
type Back string

const (
	// Unsaid is the zero Back: the host gave no answer. It has to be read.
	Unsaid Back = ""
	// Untouched means that nothing was switched.
	Untouched Back = "untouched"
	// Done means that what served before was put back, and serves.
	Done Back = "done"
	// Failed means that what served before was put back, and is not healthy.
	Failed Back = "failed"
	// Nothing means that there was nothing to put back.
	Nothing Back = "none"
)

// said is what each Back says at the end of an error.
var said = map[Back]string{
	Unsaid:    "what is live has to be read",
	Untouched: "nothing was switched",
	Done:      "what served before is put back and serves",
	Failed:    "what served before is put back and is NOT healthy",
	Nothing:   "there was nothing to put back",
}

// Failure is what went wrong on a host. It comes inside of a target.UnitError, which
// names the host once more.
type Failure struct {
	Host string
	// Phase is the part of the work that failed: "preflight", "lock", "fetch",
	// "unpack", "shared", "prepare", "switch", "restart", "confirm", ... or, when
	// the host gave no answer, the step that it was asked for.
	Phase string
	// Back is what was done about it.
	Back Back
	// Output is the end of what the host said, for people; at most 4 KiB.
	Output string
	// Err is the transport's error, if it was that, and nil otherwise.
	Err error
}

// Error names the phase, the reason and what is live. The host is named by the
// UnitError around it.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s", f.Phase)
	if f.Err != nil {
		fmt.Fprintf(&b, ": %v", f.Err)
	}
	if f.Output != "" {
		fmt.Fprintf(&b, ": %s", strings.ReplaceAll(f.Output, "\n", "; "))
	}
	if text := said[f.Back]; text != "" {
		fmt.Fprintf(&b, " (%s)", text)
	}
	return b.String()
}

// Unwrap returns Err.
func (f *Failure) Unwrap() error { return f.Err }

// unitError names the host in an error of its.
func (h *Host) unitError(err error) error {
	return &target.UnitError{Unit: h.c.Name, Err: err}
}
