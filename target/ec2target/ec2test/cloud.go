package ec2test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// Config describes a Cloud. The zero value is a cloud that answers at once, knows no
// limits and makes no mistakes.
type Config struct {
	// Latency is how long each call of the API takes.
	Latency time.Duration

	// Visible is how long SSM does not know of a command that it has taken. A second is
	// what the real one needs.
	Visible time.Duration

	// Limits throttle calls, by their names: "SendCommand". The key "" is for those that
	// have none of their own.
	Limits map[string]Limit

	// Faults are what goes wrong by chance.
	Faults Faults

	// Drain is how long a target that was deregistered has requests under way, and
	// Settle how long a new one takes to become healthy.
	Drain, Settle time.Duration
}

// Limit is a bucket of calls: so many at once, and so many more each second.
type Limit struct {
	PerSecond float64
	Burst     int
}

// Cloud is an account in one region. It may be used by many goroutines at once.
type Cloud struct {
	c  Config
	mu sync.Mutex // guards what follows, and what hangs on it

	random     *rand.Rand
	buckets    map[string]*bucket
	calls      map[string]int
	hook       func(call string) error
	instances  map[string]*instance
	commands   map[string]*command
	running    sync.WaitGroup
	groups     map[string]*targetGroup
	scaling    map[string]*scalingGroup
	parameters map[string]parameter
	sequence   int
}

// New returns an empty cloud.
func New(c Config) *Cloud {
	return &Cloud{
		c:          c,
		random:     rand.New(rand.NewPCG(c.Faults.Seed, 0)),
		buckets:    map[string]*bucket{},
		calls:      map[string]int{},
		instances:  map[string]*instance{},
		commands:   map[string]*command{},
		groups:     map[string]*targetGroup{},
		scaling:    map[string]*scalingGroup{},
		parameters: map[string]parameter{},
	}
}

// Break has f asked before each call of the API, by its name; its error is the call's.
// Nil mends it.
func (c *Cloud) Break(f func(call string) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hook = f
}

// Calls returns how often each call was made, those counted that were refused.
func (c *Cloud) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]int{}
	for name, n := range c.calls {
		all[name] = n
	}
	return all
}

// Wait returns once nothing runs on any instance.
func (c *Cloud) Wait() { c.running.Wait() }

// enter is the start of each call of the API.
func (c *Cloud) enter(ctx context.Context, call string) error {
	if err := sleep(ctx, c.c.Latency); err != nil {
		return err
	}
	c.mu.Lock()
	c.calls[call]++
	err, hook := c.throttle(call, time.Now()), c.hook
	c.mu.Unlock()
	if err == nil && hook != nil {
		err = hook(call)
	}
	return err
}

// next returns a number that is new. The lock is held.
func (c *Cloud) next() int {
	c.sequence++
	return c.sequence
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// page cuts a list as the services do: what is asked for starts at the token.
func page[T any](all []T, token *string, size int) (part []T, next *string, err error) {
	from := 0
	if token != nil && *token != "" {
		if _, err := fmt.Sscanf(*token, "page-%d", &from); err != nil || from > len(all) {
			return nil, nil, failure("InvalidNextToken", "The specified token is not valid.")
		}
	}
	to := min(len(all), from+size)
	if to < len(all) {
		next = new(fmt.Sprintf("page-%d", to))
	}
	return all[from:to], next, nil
}

func sortedBy[T any](all []T, name func(T) string) []T {
	slices.SortFunc(all, func(a, b T) int { return strings.Compare(name(a), name(b)) })
	return all
}
