package dashboard

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

var holdAction = &action{
	name: "hold", verb: "Hold", reason: true,
	open: func(c *opening) string {
		c.form.Heading = "Hold " + c.l.name
		c.form.What = []string{"No deploy begins until the hold is lifted or ends, and one under way pauses at its next batch. A rollback stays possible."}
		c.form.Until = true
		c.form.Scopes = scopes(c.l.name)
		return ""
	},
	request: func(_ sealed, in url.Values, zone *time.Location) (pipeline.Request, error) {
		q := pipeline.PlaceHold{Scope: lock.Scope(in.Get("scope"))}
		if in.Get("level") == string(lock.Everything) {
			q.Level = lock.Everything
		}
		var err error
		q.Until, err = until(in.Get("until"), zone)
		return q, err
	},
}

// scopes are those of which a hold can be placed from a pipeline's page: it alone,
// those whose names begin alike, and all.
func scopes(name string) []choice {
	all := []choice{{"", name + " alone", ""}}
	parts := strings.Split(name, "/")
	for n := len(parts) - 1; n > 0; n-- {
		prefix := strings.Join(parts[:n], "/") + "/"
		all = append(all, choice{string(lock.Prefix(prefix)), words.Capital(words.Scope(lock.Prefix(prefix))), ""})
	}
	return append(all, choice{string(lock.All), words.Capital(words.Scope(lock.All)), ""})
}

// until reads the time at which a hold ends, as a browser's field has it.
func until(text string, zone *time.Location) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		t, err := time.ParseInLocation(layout, text, zone)
		if err == nil && !t.After(time.Now()) {
			return t, fmt.Errorf("the hold would end at %s, which is over", text)
		}
		if err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("the time at which the hold ends is not one: write it as 2026-05-04 17:00")
}

var liftAction = &action{
	name: "lift", verb: "Lift the hold", outward: true,
	open: func(c *opening) string {
		id := c.in.Get("hold")
		c.form.On = id
		i := slices.IndexFunc(c.s.Holds, func(h lock.Hold) bool { return h.ID == id })
		if i < 0 {
			return words.Say("There is no hold %q: it may have been lifted, or have ended.", id)
		}
		h := c.s.Holds[i]
		if h.Source != "" {
			return words.Say("This hold is from %s: it is not lifted here.", h.Source)
		}
		c.form.Heading = "Lift this hold?"
		c.form.What = []string{words.Say("%s is held %s.", c.l.name, words.Hold(h, c.now.Location())),
			"This hold is lifted, and no other. What waited for it is deployed."}
		if h.Scope != lock.Pipeline(c.l.name) {
			c.form.What = append(c.form.What, "It holds "+words.Scope(h.Scope)+".")
		}
		return ""
	},
	request: func(s sealed, _ url.Values, _ *time.Location) (pipeline.Request, error) {
		return pipeline.LiftHold{Hold: s.On}, nil
	},
}
