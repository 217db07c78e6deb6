package buildkite

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// Defaults of a Config.
const (
	DefaultBaseURL = "https://api.buildkite.com"
	DefaultTimeout = 20 * time.Second
)

// Config says whose builds judge. Organization, Pipeline and Token are required.
type Config struct {
	// Organization and Pipeline are the slugs, as in a build's URL.
	Organization, Pipeline string
	// Branch counts builds on that branch only. Zero: builds on any.
	Branch string
	// Token returns the API token. It is called before every request, and may be called
	// concurrently.
	Token func(ctx context.Context) (string, error)
	// Blocked is the verdict of a build that waits at a block step. Zero:
	// pipeline.Pending.
	Blocked pipeline.Verdict

	// BaseURL is where the API is. Zero: DefaultBaseURL. Without TLS only this machine is
	// spoken to.
	BaseURL string
	// Timeout is how long one request may take, its retries included. Zero:
	// DefaultTimeout.
	Timeout time.Duration
	// Client makes the requests. Nil: one of its own.
	Client *http.Client
}

var validSlug = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// validate returns all that is wrong with c, joined.
func (c Config) validate() error {
	var errs []error
	check := func(bad bool, format string, args ...any) {
		if bad {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	check(!validSlug.MatchString(c.Organization), "Organization is %q: want its slug, as in \"acme\"", c.Organization)
	check(!validSlug.MatchString(c.Pipeline), "Pipeline is %q: want its slug, as in \"web\"", c.Pipeline)
	check(c.Token == nil, "Token is missing: Buildkite answers nobody without one")
	check(c.Timeout < 0, "Timeout is negative")
	check(c.Blocked != pipeline.Pending && c.Blocked != pipeline.Passed && c.Blocked != pipeline.Failed, "Blocked is %q: want a verdict", c.Blocked)
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		good := err == nil && u.Host != "" && u.User == nil && u.RawQuery == "" && (u.Scheme == "https" || u.Scheme == "http" && loopback(u.Hostname()))
		check(!good, "BaseURL is no URL of an API: want one like %q, with https, so that nobody reads the token on its way", DefaultBaseURL)
	}
	return errors.Join(errs...)
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// withDefaults returns c with its zero values replaced.
func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.Timeout == 0 {
		c.Timeout = DefaultTimeout
	}
	return c
}
