package host

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
	"unicode"
)

// Config describes one host. Name, Root and Transport are required; the zero value of
// every other field means what its comment says.
type Config struct {
	// Name is the host's name, and its unit's.
	Name string

	// Root is the directory of the app on the host, an absolute path. It is made if
	// it is missing. Two pipelines never share one.
	Root string

	// Transport reaches the host.
	Transport Transport

	// Restart is the command, as words, that has the app run what current points to. It
	// runs on the host inside the release, with MUSTER_ARTIFACT in the environment.
	// Once it has ended, the old process no longer serves. None: nothing has to be
	// restarted, as with files behind a web server.
	Restart []string

	// Check is a command, as words, that ends with 0 if the app is healthy and runs
	// the release of MUSTER_ARTIFACT. It runs on the host inside the release.
	Check []string

	// URL is asked on the host: healthy is 200 from the release (see the package's
	// comment). Without URL and Check, a restarted app is healthy while a process
	// runs inside the release.
	URL string

	// Named wants the answer's header Muster-Artifact; one without it is not healthy.
	Named bool

	// Probes is how many good answers in a row confirm a release; zero means 3.
	Probes int

	// Interval is the pause between two of them; zero means 1 s.
	Interval time.Duration

	// Patience is how long the good answers may take to come after a restart;
	// zero means 60 s.
	Patience time.Duration

	// ProbeLimit ends one probe; zero means 5 s. The two limits are rounded up to
	// whole seconds.
	ProbeLimit time.Duration

	// RestartLimit ends the restart command and what it started in its process
	// group; zero means 60 s.
	RestartLimit time.Duration

	// Skew is how far the host's clock may be from the deployer's when a release is
	// prepared; zero means 5 min, which leaves room for transports that are slow.
	Skew time.Duration

	// Shared are paths in the release that are links into <root>/shared. One that
	// ends in a slash is a directory and made if it is missing; a file has to be
	// there. The artifact does not hold them.
	Shared []string

	// Parameters are settings and secrets that the host fetches from SSM's Parameter Store
	// into a file in <root>/shared. The zero value fetches none.
	Parameters Parameters

	// Writable are files of a release that the app writes in place; one that ends in a
	// slash is a directory of them. All others are read-only on the host, so that
	// releases can share them. Files that the app makes anew need not be listed.
	Writable []string

	// Packs is what hosts share that get the same releases: an artifact is packed
	// once for all of them. Nil: this host packs for itself.
	Packs *Packs
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
	complain(c.Transport == nil, "Transport is nil: want a way to the host, Exec for this machine")
	complain(!path.IsAbs(c.Root) || path.Clean(c.Root) == "/" || control(c.Root),
		"Root is %q: want an absolute path of a directory for this app alone", c.Root)
	complain(c.Probes < 0, "Probes is %d: want a number from 1, or 0 for the default", c.Probes)
	for field, d := range c.durations() {
		complain(*d < 0, "%s is %v: want a duration from 0", field, *d)
	}
	for field, words := range map[string][]string{"Restart": c.Restart, "Check": c.Check} {
		complain(len(words) > 0 && words[0] == "", "%s names no command", field)
		complain(strings.ContainsRune(strings.Join(words, ""), 0), "%s holds a zero byte", field)
	}
	complain(c.URL == "" && c.Named, "Named is set without a URL to ask")
	if c.URL != "" {
		all = append(all, checkURL(c.URL))
	}
	all = append(all, c.Parameters.check())
	for field, paths := range map[string][]string{"Shared": c.Shared, "Writable": c.Writable} {
		for _, p := range paths {
			all = append(all, checkPath(field, p))
		}
	}
	return errors.Join(all...)
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || control(s) {
		return fmt.Errorf("URL is %q: want http:// or https:// and a host", s)
	}
	if u.User != nil {
		return errors.New("URL holds a password: it would show in the host's list of processes")
	}
	return nil
}

func checkPath(field, p string) error {
	clean := strings.TrimSuffix(p, "/")
	if clean == "" || path.IsAbs(p) || path.Clean(clean) != clean || control(p) ||
		slices.ContainsFunc(strings.Split(clean, "/"), func(s string) bool { return s == ".." || s == "." }) {
		return fmt.Errorf("%s has %q: want a clean path inside the release", field, p)
	}
	return nil
}

func control(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

func (c *Config) durations() map[string]*time.Duration {
	return map[string]*time.Duration{
		"Interval": &c.Interval, "Patience": &c.Patience, "ProbeLimit": &c.ProbeLimit, "RestartLimit": &c.RestartLimit,
		"Skew": &c.Skew,
	}
}

// fill puts the defaults in place.
func (c *Config) fill() {
	or(&c.Probes, 3)
	or(&c.Interval, time.Second)
	or(&c.Patience, time.Minute)
	or(&c.ProbeLimit, 5*time.Second)
	or(&c.RestartLimit, time.Minute)
	or(&c.Skew, 5*time.Minute)
	or(&c.Packs, &Packs{})
}

// or gives a field its default.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
