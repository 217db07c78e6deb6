package dashboard

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

var errNothingChosen = errors.New("nothing was chosen")

// planner knows what would be deployed now: an engine does.
type planner interface {
	Plan(ctx context.Context) (pipeline.Plan, error)
}

var shipAction = &action{
	name: "ship", verb: "Deploy", reason: true, outward: true,
	open: func(c *opening) string {
		c.form.Heading = "Deploy " + c.l.name
		if c.s.Stop != nil {
			return words.Say("%s is stopped by %s: %q. A deploy by hand does not go past a stop: resume first.", c.l.name, c.s.Stop.By, words.Clean(c.s.Stop.Reason))
		}
		c.form.What = []string{"One change is deployed now, instead of waiting for automation. It never goes past a stop, a quarantined commit, or back to an older one."}
		c.propose()
		c.form.Judge = true
		for _, h := range c.s.Holds {
			c.form.Holds = append(c.form.Holds, heldBy{Hold: h, Sentence: words.Hold(h, c.now.Location())})
		}
		return ""
	},
	request: func(_ sealed, in url.Values, _ *time.Location) (pipeline.Request, error) {
		revision, err := chosen(in)
		return pipeline.Ship{Revision: revision, Holds: in["past"], Unjudged: in.Get("unjudged") != ""}, err
	},
}

var resumeAction = &action{
	name: "resume", verb: "Resume", outward: true,
	open: func(c *opening) string {
		stop := c.s.Stop
		if id := c.in.Get("stop"); stop == nil || id != "" && id != stop.ID {
			return c.l.name + " is not stopped, or not by this stop any more: there is nothing to resume."
		}
		c.form.On = stop.ID
		c.form.Heading = "Resume " + c.l.name + "?"
		c.form.What = []string{words.Say("It was stopped by %s %s: %q.", stop.By, words.Ago(c.now, stop.Since), words.Clean(stop.Reason)),
			"Choose the change from which to ship: the one that has the fix. Only it and what comes after it is shipped, and never what was rolled back. No program can know whether a change on top of a bug has the fix."}
		if c.s.Open != nil {
			return words.Say("The rollback %s is still under way: resume when it has ended.", c.s.Open.ID)
		}
		c.propose()
		return ""
	},
	request: func(s sealed, in url.Values, _ *time.Location) (pipeline.Request, error) {
		from, err := chosen(in)
		return pipeline.Resume{Stop: s.On, From: from}, err
	},
}

// mostChoices is how many changes are offered.
const mostChoices = 20

// propose offers the changes that could be shipped, where the pipeline knows them; one
// may always be typed.
func (c *opening) propose() {
	c.form.Type = true
	p, ok := c.l.p.(planner)
	if !ok {
		return
	}
	ctx, cancel := context.WithTimeout(c.ctx, readTime)
	defer cancel()
	plan, err := p.Plan(ctx)
	if err != nil {
		return // it can be typed
	}
	bad := func(revision string) bool {
		return slices.ContainsFunc(c.s.Excluded, func(e pipeline.Excluded) bool { return e.Revision == revision })
	}
	for _, change := range plan.Batch {
		if bad(change.Revision) || len(c.form.Changes) == mostChoices {
			continue
		}
		note := words.Clean(change.Author)
		if !change.Time.IsZero() {
			note += ", " + words.Ago(c.now, change.Time)
		}
		c.form.Changes = append(c.form.Changes, choice{change.Revision, words.Short(change.Revision) + " " + words.Clean(change.Subject), note})
	}
}

// chosen is the change that was typed, or else the one that was chosen.
func chosen(in url.Values) (string, error) {
	if typed := strings.TrimSpace(in.Get("revision")); typed != "" {
		return typed, nil
	}
	if c := in.Get("change"); c != "" {
		return c, nil
	}
	return "", errors.New("no change was named: choose one, or type its id")
}
