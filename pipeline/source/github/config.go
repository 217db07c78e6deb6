package github

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Defaults of a Config.
const (
	DefaultBaseURL = "https://api.github.com"
	DefaultRecheck = 5 * time.Minute
	DefaultTimeout = 20 * time.Second
	DefaultReserve = 250
)

// Config says which branch is followed, and how GitHub is asked. Repository and Branch
// are required.
type Config struct {
	// Repository is the owner and the name, as in "acme/web".
	Repository string
	// Branch is the branch's name, without "refs/heads/".
	Branch string

	// Token returns the token to use. It is called before every request, from several
	// goroutines, so it keeps what it has until that expires. Nil: no token, which
	// sees public repositories only, sixty times an hour.
	Token func(ctx context.Context) (string, error)
	// BaseURL is where the REST API is. Zero: DefaultBaseURL. For an Enterprise server
	// it is like "https://github.example.com/api/v3". Without TLS only this machine is
	// spoken to.
	BaseURL string

	// Required are the names of the statuses and check runs that have to pass. Empty:
	// all that there are, and at least one.
	Required []string
	// Recheck is how often a verdict that has passed is asked for again once the change
	// is live. Zero: DefaultRecheck.
	Recheck time.Duration

	// Reserve is how many requests an hour are left to whoever else uses the token:
	// when fewer remain, what is live is not rechecked and no deployments are written.
	// Zero: DefaultReserve. Negative: none.
	Reserve int
	// Timeout is how long one request may take, its retries included. Zero:
	// DefaultTimeout.
	Timeout time.Duration
	// Client makes the requests. Its own limit of time and its judgement of redirects
	// are replaced. Nil: one of its own.
	Client *http.Client
	// Log is told of requests that were made, for debugging. Nil: nobody.
	Log *slog.Logger
}

var validRepository = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-_]{0,99}/[A-Za-z0-9._-]{1,100}$`)

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Recheck == 0 {
		c.Recheck = DefaultRecheck
	}
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Reserve == 0 {
		c.Reserve = DefaultReserve
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Required = slices.Clone(c.Required)
	return c
}

// validate returns all that is wrong with c, joined.
func (c Config) validate() error {
	var errs []error
	check := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(!validRepository.MatchString(c.Repository) || strings.HasSuffix(c.Repository, "/.") || strings.HasSuffix(c.Repository, "/.."),
		"Repository is %q: want an owner and a name, as in \"acme/web\"", c.Repository)
	check(c.Branch == "" || strings.HasPrefix(c.Branch, "refs/") || !validBranch(c.Branch),
		"Branch is %q: want a branch's name, as in \"main\"", c.Branch)
	check(c.Recheck < 0 || c.Timeout < 0, "Recheck or Timeout is negative")
	check(slices.Contains(c.Required, ""), "Required holds an empty name")
	if c.BaseURL != "" {
		errs = append(errs, validURL(c.BaseURL))
	}
	return errors.Join(errs...)
}

// validBranch reports whether a name can be part of a path: what git itself allows
// is narrower than this.
func validBranch(name string) bool {
	return len(name) <= 255 && !strings.Contains(name, "..") && !strings.ContainsFunc(name, func(c rune) bool {
		return c <= ' ' || c == 0x7f || strings.ContainsRune(`~^:?*[\`, c)
	}) && !strings.HasPrefix(name, "/") && !strings.HasSuffix(name, "/") && !strings.Contains(name, "//")
}

// validURL refuses what a token must not be sent to.
func validURL(base string) error {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("BaseURL is no URL of an API: want one like %q", DefaultBaseURL)
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("BaseURL begins with %q: want https, so that nobody reads the token on its way", u.Scheme)
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
