// Package budget keeps the calls to a cloud's API within what the cloud grants: one
// budget for all that a deployer asks of one service, one retrier.
//
//	calls := &budget.Calls{PerSecond: 5, Burst: 100}
//	err := calls.Do(ctx, func(ctx context.Context) error {
//		_, err := client.SendCommand(ctx, input, once)
//		return err
//	})
//
// Being throttled is normal for a fleet of any size, and is shared with everybody else
// in the account. So whoever is throttled slows down all who share the budget, and
// goes back to speed little by little.
//
// The SDK's clients retry by themselves, each call for itself. Pass them
// aws.NopRetryer, so that this is the only one who does.
package budget

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// Calls is a budget. The zero value grants ten calls per second, fifty at once, and is
// ready to use by many goroutines at once. It must not be copied.
type Calls struct {
	// PerSecond is how many calls are granted in the long run; zero means 10.
	PerSecond float64

	// Burst is how many are granted at once after a rest; zero means 50.
	Burst int

	// Attempts is how often one call is tried in all; zero means 10. What is not known
	// to be temporary is not tried again.
	Attempts int

	// Pause is the first pause after a failure; each further one is twice as long, up to a
	// hundred times. Zero means 200 ms.
	Pause time.Duration

	// Jitter returns a number from 0 to 1; nil means math/rand.
	Jitter func() float64

	mu    sync.Mutex
	full  time.Time // when the budget will be full again, if nothing is spent
	still time.Time // before then nobody calls: somebody was throttled
	slow  float64   // 0: at full speed; n: 1/(1+n) of it
	made  int64
}

// slowest is an eighth of the speed.
const slowest = 7

// Do makes one call, when the budget allows for it, and again while it fails for a
// reason that passes: throttling, a server's error, a connection's. What the last
// attempt said is in the error. A call whose answer was lost is made again: it has to
// bear that.
func (c *Calls) Do(ctx context.Context, call func(context.Context) error) error {
	if err := c.Wait(ctx); err != nil {
		return err
	}
	return c.DoPaid(ctx, call)
}

// DoPaid is Do for a call that Wait has taken out of the budget already.
func (c *Calls) DoPaid(ctx context.Context, call func(context.Context) error) error {
	for attempt := 1; ; attempt++ {
		err := call(ctx)
		if err == nil {
			c.praise()
			return nil
		}
		if ctx.Err() != nil || !temporary(err) {
			return err
		}
		if attempt == c.attempts() {
			return fmt.Errorf("tried %d times: %w", attempt, err)
		}
		if err := sleep(ctx, c.blame(err, attempt)); err != nil {
			return errors.Join(err, context.Cause(ctx))
		}
		if err := c.Wait(ctx); err != nil {
			return err
		}
	}
}

// Made returns how many calls have been made, each attempt counted.
func (c *Calls) Made() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}

// Wait takes one call out of the budget, in advance if it has to, and returns when it
// may be made: who decides only then what to ask for has the latest to ask.
func (c *Calls) Wait(ctx context.Context) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return sleep(ctx, c.take(time.Now()))
}

// take returns how long to wait for the call that it takes.
func (c *Calls) take(now time.Time) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	each := time.Duration(float64(time.Second) / c.perSecond() * (1 + c.slow))
	if c.full.Before(now) {
		c.full = now
	}
	c.full = c.full.Add(each)
	c.made++
	granted := c.full.Add(-time.Duration(c.burst()) * each)
	if granted.Before(c.still) {
		granted = c.still
	}
	return granted.Sub(now)
}

// praise goes back to speed.
func (c *Calls) praise() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.slow *= 0.9; c.slow < 0.05 {
		c.slow = 0
	}
}

// blame returns how long to wait before the next attempt. If it was throttling, all
// who share the budget wait with it, and are slower from then on.
func (c *Calls) blame(err error, attempt int) time.Duration {
	jitter := 0.5 + c.jitter()/2
	d := time.Duration(jitter * float64(min(100, 1<<(attempt-1))) * float64(c.pause()))
	if !throttled(err) {
		return d
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); !c.still.After(now) {
		c.still = now.Add(d)
		c.slow = min(slowest, 1.5*c.slow+0.5)
	}
	return d
}

func (c *Calls) perSecond() float64 {
	if c.PerSecond <= 0 {
		return 10
	}
	return c.PerSecond
}

func (c *Calls) burst() int {
	if c.Burst <= 0 {
		return 50
	}
	return c.Burst
}

func (c *Calls) pause() time.Duration {
	if c.Pause <= 0 {
		return 200 * time.Millisecond
	}
	return c.Pause
}

func (c *Calls) attempts() int {
	if c.Attempts <= 0 {
		return 10
	}
	return c.Attempts
}

func (c *Calls) jitter() float64 {
	if c.Jitter == nil {
		return rand.Float64()
	}
	return c.Jitter()
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// The SDK knows which failures pass, better than a list of ours.
var (
	retryables = retry.IsErrorRetryables(retry.DefaultRetryables)
	throttles  = retry.IsErrorThrottles(retry.DefaultThrottles)
)

func temporary(err error) bool { return retryables.IsErrorRetryable(err) == aws.TrueTernary }

func throttled(err error) bool { return throttles.IsErrorThrottle(err) == aws.TrueTernary }
