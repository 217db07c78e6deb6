package runcommand

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// flight is one command under way.
type flight struct {
	s     *Sender
	step  string
	nonce string
	calls map[string]*call // by instance; those that have not ended
	width int              // how many run at once

	ctx    context.Context // ends when the last caller leaves
	cancel context.CancelFunc

	waiters int       // guarded by the Sender
	held    int       // slots, guarded by the Sender
	opened  time.Time // guarded by the Sender
	size    int       // calls that it began with; guarded by the Sender

	command string
	sent    time.Time
	look    look
}

// scouts is how many commands of a kind of which nothing is known are looked at early.
const scouts = 4

func newFlight(s *Sender, step string) *flight {
	return &flight{s: s, step: step, nonce: newNonce(), calls: map[string]*call{}}
}

// open takes what a flight needs that has its calls. The Sender's lock is held.
func (f *flight) open(width int) {
	f.width, f.waiters = min(width, len(f.calls)), len(f.calls)
	f.ctx, f.cancel = context.WithCancel(context.Background()) // no caller's: there are many
	f.opened, f.size = time.Now(), len(f.calls)
	k := f.s.kind(f.step)
	k.flights++
	f.look.blind = k.flights > scouts
	for _, c := range f.calls {
		c.flight = f
	}
	if f.step == slotted {
		f.s.slots.take(f)
	}
}

// drop is a call that has ended, or was given up. When it was the last one the flight
// ends. The Sender's lock is held.
func (f *flight) drop(c *call) {
	if f == nil {
		return
	}
	c.flight = nil
	if f.waiters--; f.waiters == 0 {
		f.cancel()
	}
}

// close gives back what is left of it.
func (f *flight) close() {
	f.cancel()
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.kind(f.step).flights--
	f.s.slots.give(f, f.held)
}

// fly sends the command and follows it until all have ended, or nobody waits.
func (f *flight) fly() {
	defer f.close()
	if err := f.send(); err != nil {
		f.refused(err)
		return
	}
	f.sent = time.Now()
	f.look.first, f.look.poll, f.look.width, f.look.size = f.s.c.First, f.s.c.Poll, f.width, len(f.calls)
	for len(f.calls) > 0 {
		if f.rest() != nil {
			f.abort()
			return
		}
		if err := f.poll(); err != nil && f.ctx.Err() == nil {
			f.all(fmt.Errorf("list command %s: %w", f.command, err))
		}
	}
}

// rest returns when the next look is due. What others have learned meanwhile may put it
// off.
func (f *flight) rest() error {
	f.look.pending = len(f.calls)
	for {
		d := f.pause()
		if d <= 0 {
			return f.ctx.Err()
		}
		select {
		case <-f.ctx.Done():
			return f.ctx.Err()
		case <-time.After(d):
		}
	}
}

// pause is how long it is to the next look.
func (f *flight) pause() time.Duration {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.look.idle = !f.s.wanted()
	return f.look.wait(&f.s.kind(f.step).spans) - (time.Since(f.sent) - f.look.age)
}

// poll reads how far the command is: fifty invocations stand on one page.
func (f *flight) poll() error {
	var next *string
	for {
		var out *ssm.ListCommandInvocationsOutput
		err := f.s.c.Calls.Do(f.ctx, func(ctx context.Context) (err error) {
			out, err = f.s.c.Client.ListCommandInvocations(ctx, &ssm.ListCommandInvocationsInput{
				CommandId: &f.command, Details: true, MaxResults: new(int32(perCommand)), NextToken: next,
			}, once)
			return err
		})
		f.look.looks++
		before := f.look.age
		f.look.age = time.Since(f.sent)
		if unknown(err) {
			return nil // SSM does not know it yet
		}
		if err != nil {
			return err
		}
		for _, i := range out.CommandInvocations {
			f.read(i, before)
		}
		if next = out.NextToken; aws.ToString(next) == "" {
			return nil
		}
	}
}

// unknown says that SSM has not heard of the command, which it has in a second.
func unknown(err error) bool {
	var id *types.InvalidCommandId
	var invocation *types.InvocationDoesNotExist
	return errors.As(err, &id) || errors.As(err, &invocation)
}

// read ends the call of an invocation that has ended, and gives its slot to another
// command when no other call of this one takes it.
func (f *flight) read(i types.CommandInvocation, before time.Duration) {
	c := f.calls[aws.ToString(i.InstanceId)]
	if c == nil || !over(i.Status) {
		return
	}
	f.end(c, f.outcome(c, i))
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	if d, ok := took(i); ok {
		f.look.done += d
		if f.width < f.look.size {
			before = 0 // it may have had to wait for others
		}
		f.s.kind(f.step).add(d, before)
	}
	if more := f.held - len(f.calls); more > 0 {
		f.s.slots.give(f, more)
	}
}

// end tells one caller.
func (f *flight) end(c *call, o outcome) {
	delete(f.calls, c.id)
	c.end(o)
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	c.flight.drop(c)
}

// all tells every caller that is left.
func (f *flight) all(err error) {
	for id, c := range f.calls {
		f.end(c, outcome{err: fmt.Errorf("run on %s: %w", id, err)})
	}
}

// abort has SSM stop the command where it has not ended. It is a kindness: what runs on
// is built for it.
func (f *flight) abort() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = f.s.c.Calls.Do(ctx, func(ctx context.Context) error {
		_, err := f.s.c.Client.CancelCommand(ctx, &ssm.CancelCommandInput{CommandId: &f.command}, once)
		return err
	})
}

// newNonce names one command.
func newNonce() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}
