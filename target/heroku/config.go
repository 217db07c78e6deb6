package heroku

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// Config says which app it is. App and Token are required; the zero value of every other
// field means what its comment says.
type Config struct {
	// App is the app's name or id.
	App string

	// Token returns an OAuth token that may deploy to the app. It is called for each
	// request, by many goroutines at once.
	Token func(context.Context) (string, error)

	// Name is the target's name in its pipeline, and its unit's. Empty: App.
	Name string

	// Stack is the stack for new slugs, such as "heroku-24". Empty: the app's.
	Stack string

	// HealthPath is asked of an app with web dynos, below Heroku's own address for it, and
	// answers 200; empty means "/".
	HealthPath string

	// Interval is between polls, and before a request is repeated; zero means 3 s.
	Interval time.Duration

	// Patience is how long the dynos may take to run and to answer; zero means 5 min.
	Patience time.Duration

	// ReleaseLimit is how long the release phase may take; zero means 1 h.
	ReleaseLimit time.Duration

	// API is where Heroku's API is; empty means "https://api.heroku.com".
	API string

	// HTTP sends all requests. Nil: a client of its own.
	HTTP *http.Client
}

// appName is the form of names and ids, which stand in paths.
var appName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*$`)

// check returns all complaints at once.
func (c *Config) check() error {
	var all []error
	complain := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf("heroku: "+format, args...))
		}
	}
	complain(!appName.MatchString(c.App), "App is %q: want the app's name or id", c.App)
	complain(c.Token == nil, "Token is nil: want a function that returns an OAuth token")
	complain(c.HealthPath != "" && c.HealthPath[0] != '/', "HealthPath is %q: want one that begins with a slash", c.HealthPath)
	complain(c.Interval < 0 || c.Patience < 0 || c.ReleaseLimit < 0, "Interval, Patience or ReleaseLimit is below zero")
	u, err := url.Parse(c.API)
	complain(c.API != "" && (err != nil || u.Host == "" || u.User != nil), "API is no plain address such as https://api.heroku.com")
	return errors.Join(all...)
}

// fill puts the defaults in place.
func (c *Config) fill() {
	or(&c.Name, c.App)
	or(&c.HealthPath, "/")
	or(&c.Interval, 3*time.Second)
	or(&c.Patience, 5*time.Minute)
	or(&c.ReleaseLimit, time.Hour)
	c.API = strings.TrimSuffix(c.API, "/")
}

// or gives a field its default.
func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
