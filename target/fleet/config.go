package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/muster-deploy/muster/target"
)

// Config describes a fleet. Name and Hosts are required; the zero value of every
// other field means what its comment says.
type Config struct {
	// Name is the target's name in its pipeline.
	Name string

	// Hosts lists the members, completely or with an error. It is asked at the start
	// of each call, and again when a host has failed, to learn whether it has left. No
	// members at all is taken for a mistake in the selection, and refused.
	Hosts func(ctx context.Context) ([]Host, error)

	// Canary is how many hosts, of the smallest zone, are switched before all others
	// in a deploy; if one of them fails, nothing else is touched. Zero means one, a
	// negative number none.
	Canary int

	// Batch is the size of a batch, and how many hosts are out of service at once,
	// at most. A percentage is of all members, rounded down, and at least one host.
	// The default is Number(1).
	Batch Amount

	// Wide is Batch for rollbacks. The default is Percent(25).
	Wide Amount

	// MinInService is how many hosts have to serve besides the one that is about to
	// be taken out, by health read at that moment. A percentage is of all members,
	// rounded up. The default is none. Where fewer serve, a deploy waits for RecoverLimit
	// and then stops; a rollback goes on with one host at a time.
	MinInService Amount

	// RecoverLimit is how long a deploy waits for hosts to serve again when no more may be
	// taken out. The default is 1 min.
	RecoverLimit time.Duration

	// Budget is how many hosts may fail or be out of reach in one order. One more
	// stops a deploy before it touches another host. The default is none.
	Budget int

	// Parallel is how many hosts are read at once. The default is 64.
	Parallel int

	// PrepareParallel is how many hosts are prepared at once. Zero means Parallel.
	PrepareParallel int

	// Balancer takes hosts out of service. Nil: nothing stands before the hosts.
	Balancer Balancer

	// InService says of all hosts at once, by name, which of them get requests, by health
	// read at that moment. It is asked before each batch where MinInService is set; hosts
	// that it does not name get none. Nil, or when it fails: each host is read.
	InService func(ctx context.Context) (map[string]bool, error)

	// ReadAhead is how many hosts are read before it is their turn, so that a transport
	// that takes its time holds nobody up. Zero: each is read when its turn has come.
	ReadAhead int

	// ReadingLimit is how old a reading may be when a host's turn has come: an older one
	// is taken anew. What a longer limit costs is a host that is drained for nothing, when
	// its agent was lost meanwhile or a newer order has come; the host itself refuses that
	// one. Zero means ObserveLimit, or 120 ms for each member where that is longer: 2 min
	// for a thousand, 20 min for ten thousand.
	ReadingLimit time.Duration

	// Foresee is how many hosts may be left to be prepared for a deploy when all are read
	// for the Activate that follows, which then need not read them before it can begin. What
	// is older than ReadingLimit by then, or than 2 min, is read again. A percentage is of
	// all members, rounded up. Zero: Activate reads them.
	Foresee Amount

	// Check looks once at a host that was switched and returns nil if it serves the
	// release of that digest, by its own word. The default reads the host by
	// Observe.
	Check func(ctx context.Context, h Host, digest string) error

	// Probes is how many checks in a row have to succeed. The default is two.
	Probes int

	// Interval is the pause between two checks of one host. The default is 1 s.
	Interval time.Duration

	// The limits end one step on one host: preparing (default 15 min, or 360 ms for each
	// member where that is longer: most of an hour for ten thousand is spent waiting for a
	// transport that takes few at once), draining (2 min), activating (10 min), confirming
	// (2 min), registering (2 min), reading (15 s).
	PrepareLimit  time.Duration
	DrainLimit    time.Duration
	ActivateLimit time.Duration
	ConfirmLimit  time.Duration
	RegisterLimit time.Duration
	ObserveLimit  time.Duration

	// CleanupLimit ends what is still done for a host under way after the order's
	// context has ended: reading it, and registering it if it serves. The default
	// is 15 s.
	CleanupLimit time.Duration

	// Declare writes what booting hosts read, where there is such a thing. It is
	// called at the start of Activate if the intent is Backward or Again, before
	// Hosts, and refuses with target.ErrStale when a higher number was written.
	Declare func(ctx context.Context, o target.Order) error

	// Log is told the plan before it is acted on. Nil is silent.
	Log *slog.Logger
}

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	complain(c.Name == "", "Name is empty")
	complain(c.Hosts == nil, "Hosts is nil: want a function that lists the members")
	complain(c.Budget < 0, "Budget is %d: want a number of hosts from 0", c.Budget)
	complain(c.Parallel < 0, "Parallel is %d: want a number of hosts from 1, or 0 for the default", c.Parallel)
	complain(c.PrepareParallel < 0, "PrepareParallel is %d: want a number of hosts from 1, or 0 for Parallel", c.PrepareParallel)
	complain(c.ReadAhead < 0, "ReadAhead is %d: want a number of hosts from 0", c.ReadAhead)
	complain(c.Probes < 0, "Probes is %d: want a number of checks from 1, or 0 for the default", c.Probes)
	all = append(all, c.Batch.check("Batch"), c.Wide.check("Wide"), c.MinInService.check("MinInService"), c.Foresee.check("Foresee"))
	complain(c.MinInService == Percent(100), "MinInService is 100%%: no host could ever be taken out")
	for name, d := range c.durations() {
		complain(*d < 0, "%s is %v: want a duration from 0", name, *d)
	}
	return errors.Join(all...)
}

func (c *Config) durations() map[string]*time.Duration {
	return map[string]*time.Duration{
		"Interval": &c.Interval, "PrepareLimit": &c.PrepareLimit, "DrainLimit": &c.DrainLimit,
		"ActivateLimit": &c.ActivateLimit, "ConfirmLimit": &c.ConfirmLimit, "RegisterLimit": &c.RegisterLimit,
		"ObserveLimit": &c.ObserveLimit, "ReadingLimit": &c.ReadingLimit, "CleanupLimit": &c.CleanupLimit,
		"RecoverLimit": &c.RecoverLimit,
	}
}

// fill puts the defaults in place.
func (c *Config) fill() {
	c.Batch = c.Batch.or(Number(1))
	c.Wide = c.Wide.or(Percent(25))
	or(&c.Canary, 1)
	or(&c.Parallel, 64)
	or(&c.PrepareParallel, c.Parallel)
	or(&c.Probes, 2)
	or(&c.Interval, time.Second)
	or(&c.DrainLimit, 2*time.Minute)
	or(&c.ActivateLimit, 10*time.Minute)
	or(&c.ConfirmLimit, 2*time.Minute)
	or(&c.RegisterLimit, 2*time.Minute)
	or(&c.ObserveLimit, 15*time.Second)
	or(&c.CleanupLimit, 15*time.Second)
	or(&c.RecoverLimit, time.Minute)
	if c.Balancer == nil {
		c.Balancer = none{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// or gives a field its default.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
