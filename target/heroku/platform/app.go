package platform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"
)

// App is what Heroku says of the app. One that is suspended is an *Error instead.
type App struct {
	Name        string `json:"name"`
	Maintenance bool   `json:"maintenance"`
	WebURL      string `json:"web_url"`
	BuildStack  Stack  `json:"build_stack"`
}

// Stack is an operating system of dynos, such as heroku-24.
type Stack struct {
	Name string `json:"name"`
}

// App reads the app.
func (c *Client) App(ctx context.Context) (a App, err error) {
	_, err = c.send(ctx, c.again, http.MethodGet, "", "", nil, &a)
	return a, err
}

// Release is one entry in the app's list of releases. A change of config vars is one, too.
type Release struct {
	Version     int    `json:"version"`
	Description string `json:"description"`
	Status      string `json:"status"` // "pending", "succeeded", "failed" or "expired"
	Current     bool   `json:"current"`
	Slug        struct {
		ID string `json:"id"` // empty: it has none
	} `json:"slug"`
	Output string `json:"output_stream_url"` // the release phase's; empty: it has none
}

// Releases reads releases, newest first, until enough says so of those that were read;
// nil means all, up to 5,000.
func (c *Client) Releases(ctx context.Context, enough func([]Release) bool) ([]Release, error) {
	return list(ctx, c, "/releases", "version ..; order=desc,max=100", enough)
}

// Release makes a release of a slug, which restarts the app. It is repeated only where it
// was refused for certain: any error but an *Error with a status below 500 means that the
// outcome is unknown.
func (c *Client) Release(ctx context.Context, slug, description string) (r Release, err error) {
	_, err = c.send(ctx, c.once, http.MethodPost, "/releases", "", map[string]string{"slug": slug, "description": description}, &r)
	return r, err
}

// Dynos are the processes of an app, as they should be and as they are.
type Dynos struct {
	Formation []Process
	Running   []Dyno
}

// Process is how many dynos of a type there should be.
type Process struct {
	Type     string `json:"type"`
	Quantity int    `json:"quantity"`
}

// Dyno is one that there is.
type Dyno struct {
	Name    string `json:"name"`
	Type    string `json:"type"`
	State   string `json:"state"` // "starting", "up", "idle", "crashed", "down"
	Release struct {
		Version int `json:"version"`
	} `json:"release"`
}

// Dynos reads the formation and the dynos, at once.
func (c *Client) Dynos(ctx context.Context) (d Dynos, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) { d.Formation, err = list[Process](ctx, c, "/formation", "", nil); return err })
	group.Go(func() (err error) { d.Running, err = list[Dyno](ctx, c, "/dynos", "", nil); return err })
	return d, group.Wait()
}

// ErrCrashed says that waiting longer is of no use.
var ErrCrashed = errors.New("crashed")

// Behind returns why the dynos do not run the release of a version, or nil if all do.
// One-off dynos, the release phase's among them, are of types that the formation lacks.
func (d Dynos) Behind(version int) error {
	total := 0
	for _, p := range d.Formation {
		if err := d.behind(p, version); err != nil {
			return err
		}
		total += p.Quantity
	}
	if total == 0 {
		return errors.New("the app has no dynos: give it some, with heroku ps:scale web=1")
	}
	return nil
}

func (d Dynos) behind(p Process, version int) error {
	up, odd := 0, ""
	for _, r := range d.Running {
		switch {
		case r.Type != p.Type || p.Quantity == 0:
		case r.Release.Version == version && r.State == "crashed":
			return fmt.Errorf("%s of v%d has %w: its log says why, heroku logs --dyno-name %s", r.Name, version, ErrCrashed, r.Name)
		case r.Release.Version == version && (r.State == "up" || r.State == "idle"):
			up++
		case r.State != "down":
			odd = fmt.Sprintf(", %s of v%d is %s", r.Name, r.Release.Version, r.State)
		}
	}
	if up < p.Quantity || odd != "" {
		return fmt.Errorf("%d of %d %s dynos run v%d%s", up, p.Quantity, p.Type, version, odd)
	}
	return nil
}

// web reports whether the app should have web dynos.
func (d Dynos) web() bool {
	for _, p := range d.Formation {
		if p.Type == "web" && p.Quantity > 0 {
			return true
		}
	}
	return false
}

// Ask asks the app for a path, and wants 200: nil if it says so, or if there is nobody to
// ask, since the app has no web dynos or is in maintenance mode.
func (c *Client) Ask(ctx context.Context, a App, d Dynos, path string) error {
	if !d.web() || a.WebURL == "" || a.Maintenance {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(a.WebURL, "/")+path, nil)
	if err != nil {
		return err
	}
	client := *c.o.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	r, err := client.Do(req)
	if err != nil {
		return err
	}
	r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("it answers %s with %s, want 200", path, r.Status)
	}
	return nil
}
