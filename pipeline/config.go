package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"strings"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/target"
)

// Defaults of a Config.
const (
	DefaultPoll     = 15 * time.Second
	DefaultConverge = time.Minute
	DefaultHandover = 30 * time.Second
	DefaultRetain   = 5
	DefaultLimit    = 30 * time.Minute
	DefaultEvery    = 10 * time.Second
)

// Builds makes artifacts. A build.Workshop is one.
type Builds interface {
	// Artifact returns the artifact of a revision and builds it if it must. Many
	// callers may ask for one revision at once. When ctx ends, nothing that was
	// started for this caller alone is left running.
	Artifact(ctx context.Context, revision string, log io.Writer) (*build.Artifact, error)

	// Open returns an artifact that was built before, by its digest, or an error
	// that wraps build.ErrNotFound.
	Open(ctx context.Context, digest string) (*build.Artifact, error)
}

// Config is what a pipeline is assembled from. Name, Source, CI, Builds, Stages,
// Store and Logs are required.
type Config struct {
	// Name is the pipeline's name in its store: lower-case letters, digits, "-" and
	// "_", in segments joined by "/", as in "payments/web".
	Name   string
	Source Source
	CI     CI
	Builds Builds
	// Stages follow each other; the targets of one are activated together. At least
	// one, each with at least one target; names are unique.
	Stages []Stage
	// Store keeps the record, the history, the lease and the holds of wider scope.
	Store lock.Store
	// Logs keeps the deploys' logs.
	Logs build.Store

	// Policies are the calendars that hold the pipeline at times.
	Policies []Policy

	// Lease is the key of the lease. Pipelines of one process that name the same
	// one share it. Zero: one of the pipeline's own.
	Lease string
	// LeaseDuration is how long after a deployer's death another takes over. Zero:
	// the lock package's default.
	LeaseDuration time.Duration
	// Holder says who deploys, for people. Zero: host name and process id.
	Holder string

	// Poll is how often source and CI are asked when nobody wakes the engine. Zero:
	// DefaultPoll.
	Poll time.Duration
	// Converge is how often the units are read back and brought to what they should
	// run. Zero: DefaultConverge.
	Converge time.Duration
	// Handover is how long the batch under way may take to end when Run's ctx
	// ends. Zero: DefaultHandover.
	Handover time.Duration
	// Retain is how many releases that were live stay prepared on the units. Zero:
	// DefaultRetain.
	Retain int

	// Log is told what the engine does, for debugging. Nil: nobody.
	Log *slog.Logger
}

// Stage is targets that are activated together.
type Stage struct {
	// Name is unique in its pipeline.
	Name    string
	Targets []target.Target
	// Before are run before any unit of the stage is touched, once per release and
	// in this order: migrations. Each is journalled.
	Before []Hook
	// Verify is asked after activation, and all through Bake.
	Verify []Check
	// Bake is how long the stage is watched before the next one begins. A hold does
	// not stop this clock.
	Bake time.Duration
	// Every is the time between two rounds of checks. Zero: DefaultEvery.
	Every time.Duration
	// Limit is how long a call of Prepare or Activate, a hook, or checks that cannot
	// tell may take before the stage has failed. Zero: DefaultLimit.
	Limit time.Duration
}

// Subject is what a hook or a check is about.
type Subject struct {
	Pipeline string
	Stage    string
	Release  target.Release
	// Previous is what was live before; nil for the first release.
	Previous *target.Release
	// Artifact is the release's.
	Artifact *build.Artifact
	// Log is the deploy's.
	Log io.Writer
}

// Hook is work that is done once per release before its stage.
type Hook struct {
	// Name is unique in its stage.
	Name string
	// Repeatable says that running it again after it was cut off does no harm. A
	// hook that is not, and whose deployer died while it ran, makes the deploy wait
	// for an Answer.
	Repeatable bool
	// Run does the work. An error fails the deploy. The next hook or batch does not
	// begin before it has returned.
	Run func(ctx context.Context, s Subject) error
}

// Outcome is what a check says.
type Outcome string

const (
	// CannotTell is the zero Outcome: ask again, until the stage's limit.
	CannotTell Outcome = ""
	// Good lets the deploy go on.
	Good Outcome = "good"
	// Bad rolls it back.
	Bad Outcome = "bad"
)

// Check judges a release that is activated.
type Check struct {
	// Name is unique in its stage.
	Name string
	// Run looks once, within the stage's Every, and says what it saw, with a
	// sentence for people.
	Run func(ctx context.Context, s Subject) (Outcome, string)
}

// Policy returns the holds of a calendar near now. It is called before each deploy
// begins; the engine compares the times. Its holds prevent a deploy from beginning,
// but do not pause one under way. An error is a hold: it is better not to deploy
// than to deploy into a freeze.
type Policy func(ctx context.Context, now time.Time) ([]lock.Hold, error)

var validName = regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)*$`)

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	set := func(d *time.Duration, to time.Duration) {
		if *d == 0 {
			*d = to
		}
	}
	set(&c.Poll, DefaultPoll)
	set(&c.Converge, DefaultConverge)
	set(&c.Handover, DefaultHandover)
	if c.Retain == 0 {
		c.Retain = DefaultRetain
	}
	if c.Lease == "" {
		c.Lease = keys(c.Name).lease()
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	stages := make([]Stage, len(c.Stages))
	for i, s := range c.Stages {
		set(&s.Limit, DefaultLimit)
		set(&s.Every, DefaultEvery)
		stages[i] = s
	}
	c.Stages = stages
	return c
}

// complaints collects what is wrong.
type complaints []error

func (c *complaints) check(bad bool, format string, args ...any) {
	if bad {
		*c = append(*c, fmt.Errorf(format, args...))
	}
}

// validate returns everything that is wrong with the config, joined.
func (c Config) validate() error {
	var all complaints
	all.check(!validName.MatchString(c.Name) || len(c.Name) > lock.MaxName,
		"Name is %q: want lower-case letters, digits, \"-\" and \"_\", in segments joined by \"/\"", c.Name)
	all.check(c.Source == nil, "Source is missing: where do changes come from?")
	all.check(c.CI == nil, "CI is missing: who says what passed?")
	all.check(c.Builds == nil, "Builds is missing: who makes artifacts?")
	all.check(c.Store == nil, "Store is missing: where is the record kept?")
	all.check(c.Logs == nil, "Logs is missing: where are the logs kept?")
	all.check(len(c.Stages) == 0, "Stages is empty: where does the pipeline deploy to?")
	all.check(c.Poll < 0 || c.Converge < 0 || c.Handover < 0 || c.LeaseDuration < 0,
		"Poll, Converge, Handover or LeaseDuration is negative")
	all.check(c.Retain < 0, "Retain is %d: it counts releases", c.Retain)
	stages, targets := map[string]bool{}, map[string]bool{}
	for i, s := range c.Stages {
		all = append(all, s.validate(fmt.Sprintf("Stages[%d] (%q)", i, s.Name), stages, targets)...)
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("configure pipeline %q:\n%w", c.Name, errors.Join(all...))
}

// validate returns what is wrong with a stage; the maps hold the names so far.
func (s Stage) validate(where string, stages, targets map[string]bool) complaints {
	var all complaints
	all.check(strings.TrimSpace(s.Name) == "", "%s has no name", where)
	all.check(stages[s.Name], "%s: two stages have this name", where)
	stages[s.Name] = true
	all.check(len(s.Targets) == 0, "%s has no targets", where)
	all.check(s.Bake < 0 || s.Limit < 0 || s.Every < 0, "%s: Bake, Every or Limit is negative", where)
	all.check(s.Bake > 0 && len(s.Verify) == 0, "%s bakes for %s without a check that could fail", where, s.Bake)
	for _, t := range s.Targets {
		if t == nil {
			all.check(true, "%s has a target that is nil", where)
			continue
		}
		all.check(t.Name() == "", "%s has a target without a name", where)
		all.check(targets[t.Name()], "%s: two targets are named %q", where, t.Name())
		targets[t.Name()] = true
	}
	names := map[string]bool{}
	for _, h := range s.Before {
		all.check(h.Name == "" || names[h.Name], "%s has a hook whose name %q is empty or taken", where, h.Name)
		all.check(h.Run == nil, "%s: hook %q has no Run", where, h.Name)
		names[h.Name] = true
	}
	names = map[string]bool{}
	for _, k := range s.Verify {
		all.check(k.Name == "" || names[k.Name], "%s has a check whose name %q is empty or taken", where, k.Name)
		all.check(k.Run == nil, "%s: check %q has no Run", where, k.Name)
		names[k.Name] = true
	}
	return all
}
