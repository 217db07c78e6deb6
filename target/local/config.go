package local

import (
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/muster-deploy/muster/target/fleet"
)

// Host is one member: a directory below Config.Dir and a port of this machine.
type Host struct {
	// Name is made of letters, digits, dots, dashes and underscores.
	Name string
	Port int
	// Zone is as in fleet.Host.
	Zone string
}

// Config describes a fleet on this machine. Name, Dir, Hosts and Command are
// required; the zero value of every other field means what its comment says.
type Config struct {
	// Name is the target's name in its pipeline.
	Name string

	// Dir holds a directory per host. It is made if it is missing.
	Dir string

	// Hosts are the members.
	Hosts []Host

	// Command runs the app, as words, inside its release: "./app". It stays in the
	// foreground, listens on 127.0.0.1 at PORT, and ends on TERM once what it was
	// asked is answered.
	Command []string

	// HealthPath is asked on each host; empty means "/".
	HealthPath string

	// Self says that the app is the deployer itself, or the one that may be: what is
	// under way on a host then outlives the process that has ordered it, and is ended
	// by it. Fleet's limits end the waiting, not the work.
	Self bool

	// Env is the environment of the app as KEY=VALUE, besides PORT and
	// MUSTER_ARTIFACT. Nil means what host.Exec passes on of this process's.
	Env []string

	// Grace is how long an app may take to end after TERM; zero means 10 s. It is
	// rounded up to whole seconds.
	Grace time.Duration

	// Probes, Interval and Patience are those of host.Config. The default of
	// Interval is 100 ms here.
	Probes   int
	Interval time.Duration
	Patience time.Duration

	// Fleet is how releases roll over the hosts: Canary, Batch, Balancer and so on. Its
	// Name and Hosts are set from the above; its Interval is 100 ms if it is zero.
	Fleet fleet.Config
}

// Backends maps the names of the hosts to where they listen, which a Balancer before
// them has to know.
func (c Config) Backends() map[string]string {
	m := make(map[string]string, len(c.Hosts))
	for _, h := range c.Hosts {
		m[h.Name] = h.address()
	}
	return m
}

// hostName keeps names from leading anywhere but into Dir.
var hostName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)

// check returns all complaints at once. What host and fleet check is left to them.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	complain(!filepath.IsAbs(c.Dir), "Dir is %q: want an absolute path", c.Dir)
	complain(len(c.Hosts) == 0, "Hosts is empty")
	complain(len(c.Command) == 0 || c.Command[0] == "", "Command is empty: want the words that run the app")
	complain(c.HealthPath != "" && !strings.HasPrefix(c.HealthPath, "/"), "HealthPath is %q: want one that begins with a slash", c.HealthPath)
	complain(c.Grace < 0, "Grace is %v: want a duration from 0", c.Grace)
	complain(c.Fleet.Name != "" || c.Fleet.Hosts != nil, "Fleet has a Name or Hosts: they are set from this Config")
	names, ports := map[string]bool{}, map[int]bool{}
	for _, h := range c.Hosts {
		complain(!hostName.MatchString(h.Name), "Hosts has the name %q: want letters, digits, dots, dashes, underscores", h.Name)
		complain(h.Port < 1 || h.Port > 65535, "host %q has port %d: want 1 to 65535", h.Name, h.Port)
		complain(names[h.Name], "Hosts has %q twice", h.Name)
		complain(ports[h.Port], "Hosts has port %d twice", h.Port)
		names[h.Name], ports[h.Port] = true, true
	}
	return errors.Join(append(all, checkTools())...)
}

// checkTools finds out early what host scripts would find out late.
func checkTools() error {
	var errs []error
	for _, tool := range []string{"sh", "setsid", "flock", "tar", "gzip", "sha256sum", "timeout"} {
		if _, err := exec.LookPath(tool); err != nil {
			errs = append(errs, fmt.Errorf("this machine cannot be a host: %w", err))
		}
	}
	if _, err := exec.LookPath("curl"); err != nil {
		if _, err := exec.LookPath("wget"); err != nil {
			errs = append(errs, errors.New("this machine cannot be a host: health checks need curl or wget"))
		}
	}
	return errors.Join(errs...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	if c.HealthPath == "" {
		c.HealthPath = "/"
	}
	if c.Grace == 0 {
		c.Grace = 10 * time.Second
	}
	if c.Interval == 0 {
		c.Interval = 100 * time.Millisecond
	}
	if c.Fleet.Interval == 0 {
		c.Fleet.Interval = 100 * time.Millisecond
	}
}
