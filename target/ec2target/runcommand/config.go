package runcommand

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/muster-deploy/muster/target/ec2target/budget"
)

// Client is what a Sender asks of SSM. A *ssm.Client is one.
type Client interface {
	SendCommand(context.Context, *ssm.SendCommandInput, ...func(*ssm.Options)) (*ssm.SendCommandOutput, error)
	ListCommandInvocations(context.Context, *ssm.ListCommandInvocationsInput, ...func(*ssm.Options)) (*ssm.ListCommandInvocationsOutput, error)
	CancelCommand(context.Context, *ssm.CancelCommandInput, ...func(*ssm.Options)) (*ssm.CancelCommandOutput, error)
}

// Logs is the bucket in which SSM's agent keeps the whole output of each run. The zero
// value keeps none.
type Logs struct {
	Bucket string
	// Prefix stands before the keys, without a slash at its end.
	Prefix string
}

// Config describes a Sender. Client is required; the zero value of every other field
// means what its comment says.
type Config struct {
	// Client sends the requests. It is not relied on to retry: Calls does.
	Client Client

	// Calls is the budget of calls to SSM, which may be shared. Nil: one of its own.
	Calls *budget.Calls

	// Sends is a budget for SendCommand alone, of which SSM grants less than of the
	// others. Nil: Calls is for all of them.
	Sends *budget.Calls

	// Gather is how long a call waits for company, at most, while others of its kind are
	// under way; zero means 1.2 s.
	Gather time.Duration

	// Fetches is how many hosts prepare a release at once, over all commands. SSM itself
	// starts the next as soon as one has ended. Zero means 200.
	Fetches int

	// Poll is the shortest pause between two looks at one command; zero means 500 ms.
	Poll time.Duration

	// First is when a command is looked at first, at the earliest; zero means 1 s, which
	// SSM needs to know of its own commands.
	First time.Duration

	// Deliver is how long a command may wait for an instance's agent; zero means 60 s, and
	// SSM takes no less than 30 s. One that comes late is harmless.
	Deliver time.Duration

	// Limit ends a script on the host; zero means an hour.
	Limit time.Duration

	// Logs keeps what the scripts said.
	Logs Logs
}

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("runcommand: "+format, args...))
		}
	}
	complain(c.Client == nil, "Client is nil: pass a *ssm.Client")
	complain(c.Fetches < 0, "Fetches is %d: want a number of hosts from 1, or 0 for the default", c.Fetches)
	complain(c.Logs.Prefix != "" && c.Logs.Bucket == "", "Logs has a Prefix and no Bucket")
	for name, d := range map[string]time.Duration{
		"Gather": c.Gather, "Poll": c.Poll, "First": c.First, "Deliver": c.Deliver, "Limit": c.Limit,
	} {
		complain(d < 0, "%s is %v: want a duration from 0", name, d)
	}
	complain(c.Deliver > 0 && c.Deliver < 30*time.Second, "Deliver is %v: SSM takes no less than 30s", c.Deliver)
	return errors.Join(all...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	or(&c.Calls, &budget.Calls{})
	or(&c.Sends, c.Calls)
	or(&c.Gather, 1200*time.Millisecond)
	or(&c.Fetches, 200)
	or(&c.Poll, 500*time.Millisecond)
	or(&c.First, time.Second)
	or(&c.Deliver, time.Minute)
	or(&c.Limit, time.Hour)
}

// or gives a field its default.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
