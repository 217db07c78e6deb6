package dashboard

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// Defaults of a Config.
const (
	DefaultRefresh    = 5 * time.Second
	DefaultMaxStreams = 1000
)

// minKey is how many bytes a key has at least.
const minKey = 32

// Config says what a dashboard shows, and to whom. Pipelines are required.
type Config struct {
	// Pipelines are shown in this order. What pipeline.Open or NewClient returns is
	// shown as well as an Engine, without the units' news.
	Pipelines []pipeline.Pipeline

	// Title stands on top of every page. Zero: "Deploys".
	Title string

	// Authorize says who asks, and whether they may. It is called for each request,
	// once per pipeline that would be shown, from many goroutines, and should not
	// wait for anything. Nil: nobody may read, and nobody may act.
	Authorize func(r *http.Request, a Access) (User, error)

	// Key signs the forms; at least 32 bytes, the same in all processes behind one
	// address. Nil: one of this process's own, so that a form that was opened before
	// a restart has to be confirmed again.
	Key []byte

	// Origins are further origins from which people may act, such as
	// "https://deploys.example.com" where a proxy changes the Host header.
	Origins []string

	// Change returns the address of a change, at its code host; an empty one is no
	// link. Nil: changes are not linked.
	Change func(pipeline, revision string) string

	// Zone is the time zone in which times are shown and read. Nil: time.Local.
	Zone *time.Location

	// Refresh is how often a pipeline that is being looked at is read. Zero:
	// DefaultRefresh.
	Refresh time.Duration

	// MaxStreams is how many event streams may be open; pages work without one. Zero:
	// DefaultMaxStreams.
	MaxStreams int

	// Log is told of what went wrong. Nil: nobody.
	Log *slog.Logger
}

// check returns all that is wrong with c, joined.
func (c Config) check() error {
	var errs []error
	if len(c.Pipelines) == 0 {
		errs = append(errs, errors.New("Pipelines is empty: there is nothing to show"))
	}
	seen := map[string]bool{}
	for i, p := range c.Pipelines {
		switch {
		case p == nil:
			errs = append(errs, fmt.Errorf("Pipelines[%d] is nil", i))
		case seen[segment(p.Name())]:
			errs = append(errs, fmt.Errorf("Pipelines has %q twice", p.Name()))
		default:
			seen[segment(p.Name())] = true
		}
	}
	if n := len(c.Key); c.Key != nil && n < minKey {
		errs = append(errs, fmt.Errorf("Key has %d bytes: at least %d are wanted, from crypto/rand", n, minKey))
	}
	if c.Refresh < 0 || c.MaxStreams < 0 {
		errs = append(errs, errors.New("Refresh and MaxStreams are not below zero"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	if c.Title == "" {
		c.Title = "Deploys"
	}
	if c.Key == nil {
		c.Key = make([]byte, minKey)
		_, _ = rand.Read(c.Key) // never fails
	}
	if c.Zone == nil {
		c.Zone = time.Local
	}
	if c.Refresh == 0 {
		c.Refresh = DefaultRefresh
	}
	if c.MaxStreams == 0 {
		c.MaxStreams = DefaultMaxStreams
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Authorize == nil {
		c.Authorize = nobody
	}
	return c
}
