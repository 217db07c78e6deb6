package lock

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Limits of a lease's duration. Below the least a slow store or a garbage collection
// would cost the lease; above the greatest nobody wants to wait for a dead holder.
const (
	MinDuration     = 10 * time.Millisecond
	MaxDuration     = time.Hour
	defaultDuration = 15 * time.Second
)

// Options tune a lease. The zero value is ready to use.
type Options struct {
	// Holder says who holds the lease, for people. Zero: host name and process id.
	Holder string

	// Duration is how long the lease outlives its last renewal. It is renewed at a
	// third of it, and a store that cannot answer within that third cannot keep the
	// lease. A dead holder is succeeded after six fifths of it. Zero: 15 s.
	Duration time.Duration

	// Waiting is told, while Acquire waits, whose grant it is waiting for: once
	// per grant it sees. It is called by Acquire itself, which waits for it to
	// return. Nil: nobody is told.
	Waiting func(Grant)
}

// filled returns the options with defaults in the place of zeros.
func (o Options) filled() Options {
	if o.Holder == "" {
		o.Holder = thisProcess()
	}
	if o.Duration == 0 {
		o.Duration = defaultDuration
	}
	if o.Waiting == nil {
		o.Waiting = func(Grant) {}
	}
	return o
}

// validate returns everything that is wrong with filled options, joined.
func (o Options) validate() error {
	var errs []error
	if o.Duration < MinDuration || o.Duration > MaxDuration {
		errs = append(errs, fmt.Errorf("lease lasts %s, want %s to %s", o.Duration, MinDuration, MaxDuration))
	}
	if strings.TrimSpace(o.Holder) == "" {
		errs = append(errs, errors.New("lease does not say who holds it"))
	}
	if len(o.Holder) > MaxName {
		errs = append(errs, fmt.Errorf("lease's holder has %d bytes, at most %d are kept", len(o.Holder), MaxName))
	}
	return errors.Join(errs...)
}

// thisProcess names this process for people: web-1 pid 4711.
func thisProcess() string {
	host, err := os.Hostname()
	if err != nil || host == "" {
		host = "unknown host"
	}
	return fmt.Sprintf("%.180s pid %d", host, os.Getpid())
}
