package command

import (
	"context"
	"crypto/rand"
	"flag"
	"strings"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

var holdCommand = &command{
	name: "hold", brief: "stop automation until the hold is lifted or ends",
	long: `Stops automation: no deploy begins, and one under way pauses at its next batch. A
rollback is still possible, unless -level is everything. A hold is lifted by its id,
and by nothing else.`,
	setup: func(set *flag.FlagSet) action {
		var h holding
		h.who.declare(set)
		set.StringVar(&h.scope, "scope", "", "hold `SCOPE`: all, a pipeline's name, or the beginning of names, as payments/* (default: the pipeline)")
		set.StringVar(&h.level, "level", "deploys", "hold `deploys`, or everything: rollbacks too")
		set.StringVar(&h.until, "until", "", "end at `TIME`: 17:00, 2h, 3d, \"2026-05-04 17:00\" or RFC 3339 (default: when lifted)")
		set.StringVar(&h.zone, "zone", "", "the time `ZONE` of -until, like Europe/Berlin (default: this machine's)")
		return h.place
	},
}

// holding is what the flags of hold say.
type holding struct {
	who                       asking
	scope, level, until, zone string
}

func (h *holding) place(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	q, err := h.request(c)
	if err != nil {
		return err
	}
	if q.Asked, err = c.asked(ctx, h.who, true); err != nil {
		return err
	}
	q.ID = strings.ToLower(rand.Text()[:10]) // short enough to be typed at night
	id, err := p.Do(ctx, q)
	if err != nil {
		return err
	}
	what := p.Name() + " is"
	if q.Scope != "" {
		what = words.Scope(q.Scope) + " are"
	}
	text := say("%s held %s.", what, sayHold(c, lock.Hold{By: q.By, Reason: q.Reason, Level: q.Level, Until: q.Until}))
	return c.recorded(answer{Pipeline: p.Name(), Request: "hold", ID: id}, text,
		say("Lift it with: %s unhold %s", c.Name, id))
}

// request reads the flags.
func (h *holding) request(c *call) (q pipeline.PlaceHold, err error) {
	switch q.Level = lock.Level(h.level); q.Level {
	case lock.Deploys, lock.Everything:
	default:
		return q, misuse("-level is %q: want \"deploys\" or \"everything\"", clean(h.level))
	}
	if q.Scope, err = c.scope(h.scope); err != nil || h.until == "" {
		return q, err
	}
	zone, err := c.zone(h.zone)
	if err != nil {
		return q, err
	}
	q.Until, err = parseUntil(h.until, c.now(), zone)
	return q, err
}

// scope reads a scope. A pipeline's name has to be one of those here; others would
// be held by a misspelling.
func (c *call) scope(s string) (lock.Scope, error) {
	prefix, many := strings.CutSuffix(s, "*")
	switch {
	case s == "":
		return "", nil
	case s == string(lock.All), strings.HasPrefix(s, "pipeline:"), strings.HasPrefix(s, "prefix:"):
		return lock.Scope(s), nil
	case many && prefix == "":
		return lock.All, nil
	case many:
		return lock.Prefix(prefix), nil
	}
	for _, p := range c.pipelines {
		if p.Name() == s {
			return lock.Pipeline(s), nil
		}
	}
	return "", misuse("-scope is %q: want all, the name of a pipeline (%s), or the beginning of names, as payments/*", clean(s), c.names())
}

var unholdCommand = &command{
	name: "unhold", operands: []string{"ID"}, brief: "lift one hold",
	long: `Lifts one hold, by its id, and no other. The first four characters of an id are
enough where they name one hold only. "status" shows the ids.`,
	setup: func(set *flag.FlagSet) action {
		var who asking
		who.declare(set)
		return func(ctx context.Context, c *call) error { return unhold(ctx, c, who) }
	},
}

func unhold(ctx context.Context, c *call, who asking) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	asked, err := c.asked(ctx, who, false)
	if err != nil {
		return err
	}
	s, err := p.Status(ctx)
	if err != nil {
		return err
	}
	h, err := c.findHold(s, c.operand(0))
	if err != nil {
		return err
	}
	id, err := p.Do(ctx, pipeline.LiftHold{Asked: asked, Hold: h.ID})
	if err != nil {
		return err
	}
	var text string
	if h.By != "" {
		text = say("The hold of %s, %q, is lifted.", h.By, clean(h.Reason))
	} else {
		text = say("The hold %s is lifted.", h.ID)
	}
	return c.recorded(answer{Pipeline: p.Name(), Request: "lift", ID: id}, text, c.outlook(ctx, p))
}

// findHold returns the hold that an id, or its beginning, names among those that
// hold now. An id that names none is left to the pipeline, which sees all holds.
func (c *call) findHold(s pipeline.Status, id string) (lock.Hold, error) {
	var found []lock.Hold
	for _, h := range s.Holds {
		if h.ID == id {
			return h, nil
		}
		if len(id) >= 4 && strings.HasPrefix(h.ID, id) {
			found = append(found, h)
		}
	}
	switch len(found) {
	case 0:
		return lock.Hold{ID: id}, nil
	case 1:
		return found[0], nil
	}
	return lock.Hold{}, misuse("%s begins the ids of %d holds: write more of it", clean(id), len(found))
}
