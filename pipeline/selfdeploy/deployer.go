package selfdeploy

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/muster-deploy/muster/build"
)

// Defaults of a Config.
const (
	DefaultEvery    = 5 * time.Second
	DefaultPatience = 2 * time.Minute
	DefaultCrashes  = 2
	DefaultLimit    = time.Hour
)

// Config says how a deployer is judged by the one before it. The zero value is ready
// to use in a process that a host has started.
type Config struct {
	// Start are the words that run the deployer inside its release. The first is the
	// path of a program of the release. Zero: "./deployer", "run".
	Start []string

	// Every is how often a deployer plans and looks at its lease, and how often the
	// one before looks at it. Zero: DefaultEvery.
	Every time.Duration
	// Patience is how long a new deployer may be unable to act, from its start or
	// later, before it is rolled back. It is well above the lease's duration, which
	// may have to run out first. Zero: DefaultPatience.
	Patience time.Duration
	// Crashes is how often it may end by itself. Zero: DefaultCrashes.
	Crashes int
	// Limit is how long it may take to be declared live, holds not counted. It is
	// above the stage's bake time. Zero: DefaultLimit.
	Limit time.Duration

	// Artifact is the digest of the release that this process runs from. Zero: what
	// MUSTER_ARTIFACT says. Where that is empty too, this is no deployer on a host
	// but one that somebody runs by hand.
	Artifact string
	// Dir is the release's directory. Zero: the working directory.
	Dir string
	// Port is where the health check asks, on the loopback address. Zero: what PORT
	// says; empty: nobody asks.
	Port string

	// Log is told what is judged. Nil: nobody.
	Log *slog.Logger
}

// Deployer is one process of a deployer that deploys itself, or its guard. It is made
// before the engines, whose config it is part of. Its methods may be called
// concurrently.
type Deployer struct {
	c Config
	ability
}

// New checks the config, all of it, and touches nothing.
func New(c Config) (*Deployer, error) {
	c.Artifact = cmp.Or(c.Artifact, os.Getenv("MUSTER_ARTIFACT"))
	c.Port = cmp.Or(c.Port, os.Getenv("PORT"))
	var errs []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	dir, err := filepath.Abs(c.Dir)
	complain(err != nil, "Dir: %w", err)
	c.Dir = dir
	complain(len(c.Start) > 0 && !filepath.IsLocal(c.Start[0]), "Start begins with %q: want the path of a program in the release", c.first())
	complain(c.Artifact != "" && build.CheckDigest(c.Artifact) != nil, "Artifact is %q: want a digest", c.Artifact)
	complain(c.Crashes < 0, "Crashes is %d: it counts from 0", c.Crashes)
	complain(c.Every < 0 || c.Patience < 0 || c.Limit < 0, "Every, Patience or Limit is negative")
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("configure self-deploy:\n%w", err)
	}
	d := &Deployer{c: c.filled()}
	d.ability = ability{every: d.c.Every, seen: map[string]*seen{}}
	return d, nil
}

func (c Config) first() string { return strings.Join(c.Start[:min(1, len(c.Start))], "") }

// filled returns c with its zero values replaced.
func (c Config) filled() Config {
	if len(c.Start) == 0 {
		c.Start = []string{"./deployer", "run"}
	}
	c.Every = cmp.Or(c.Every, DefaultEvery)
	c.Patience = cmp.Or(c.Patience, DefaultPatience)
	c.Crashes = cmp.Or(c.Crashes, DefaultCrashes)
	c.Limit = cmp.Or(c.Limit, DefaultLimit)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// launch is run by sh on the host, inside the release that is to be started:
// the program of the release that ordered it, that one's directory and digest, and
// then the words that start the new one. Where the two are one release, or the older
// one is gone, nobody stands guard.
const launch = `if [ -x "$0" ] && [ "$2" != "$MUSTER_ARTIFACT" ]; then exec "$0" guard "$@"; fi; shift 2; exec "$@"`

// Command is what a host runs for a release of the deployer: local.Config.Command, or
// the command of a service. It is given by the release that deploys to the one that
// is deployed, as whose guard it starts.
func (d *Deployer) Command() []string {
	if d.c.Artifact == "" {
		return d.c.Start // by hand: what is here may be gone tomorrow
	}
	return append([]string{"sh", "-c", launch, filepath.Join(d.c.Dir, d.c.Start[0]), d.c.Dir, d.c.Artifact}, d.c.Start...)
}
