package ec2test

import (
	"errors"
	"time"

	"github.com/aws/smithy-go"
)

// Faults are what goes wrong by chance, drawn from Seed: the shares of calls, or of runs
// on instances, from 0 to 1. What happens to which call depends on the order in which
// they come.
type Faults struct {
	Seed uint64

	// Throttled calls are refused, whatever the limits say.
	Throttled float64
	// Unanswered commands are taken, and the answer to SendCommand is lost.
	Unanswered float64
	// Doubled runs happen a second time: the agent was restarted.
	Doubled float64
	// Late runs begin later, by up to Delay.
	Late  float64
	Delay time.Duration
	// Lost runs never happen. SSM shows them as pending until they time out.
	Lost float64
}

// ErrLost is how a client learns that an answer was lost.
var ErrLost = &lostError{errors.New("ec2test: connection reset by peer")}

type lostError struct{ error }

// ConnectionError has the SDK's classification of errors take it for what it is.
func (*lostError) ConnectionError() bool { return true }

// failure is an error as the services answer it.
func failure(code, message string) error {
	return &smithy.GenericAPIError{Code: code, Message: message, Fault: smithy.FaultClient}
}

// chance says whether something happens this time. The lock is held.
func (c *Cloud) chance(share float64) bool { return share > 0 && c.random.Float64() < share }

// bucket is a Limit at work.
type bucket struct {
	left float64
	last time.Time
}

// throttle says whether a call is one too many. The lock is held.
func (c *Cloud) throttle(call string, now time.Time) error {
	limit, ok := c.c.Limits[call]
	if !ok {
		call = ""
		limit, ok = c.c.Limits[call]
	}
	if !ok {
		return c.unlucky()
	}
	b := c.buckets[call]
	if b == nil {
		b = &bucket{left: float64(limit.Burst), last: now}
		c.buckets[call] = b
	}
	b.left = min(float64(limit.Burst), b.left+limit.PerSecond*now.Sub(b.last).Seconds())
	b.last = now
	if b.left < 1 {
		return throttled()
	}
	b.left--
	return c.unlucky()
}

func (c *Cloud) unlucky() error {
	if c.chance(c.c.Faults.Throttled) {
		return throttled()
	}
	return nil
}

func throttled() error { return failure("ThrottlingException", "Rate exceeded") }
