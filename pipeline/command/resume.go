package command

import (
	"context"
	"flag"
	"regexp"

	"github.com/muster-deploy/muster/pipeline"
)

var resumeCommand = &command{
	name: "resume", brief: "end a stop, and name the commit from which to ship",
	long: `Ends the stop that followed a rollback. From then on only the commit of -from and its
descendants are shipped, and never what was rolled back. Without -from it proposes
the newest change that passed CI, and a person confirms it: no program can know
that a commit on top of a bug has the fix.`,
	setup: func(set *flag.FlagSet) action {
		var r resuming
		r.who.declare(set)
		set.StringVar(&r.from, "from", "", "ship from `COMMIT`: the one that has the fix")
		return r.ask
	},
}

// resuming is what the flags of resume say.
type resuming struct {
	who  asking
	from string
}

func (r *resuming) ask(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	s, err := p.Status(ctx)
	if err != nil {
		return err
	}
	if s.Stop == nil {
		return refused("%s is not stopped: there is nothing to resume", p.Name())
	}
	q := pipeline.Resume{Stop: s.Stop.ID, From: r.from}
	if q.From == "" {
		if q.From, err = c.proposeFloor(ctx, p, s); err != nil {
			return err
		}
	} else if _, knows := p.(explainer); !knows && !fullID.MatchString(q.From) {
		return misuse("-from needs the full id of the commit: this program only reaches the store of %s", p.Name())
	}
	if q.Asked, err = c.asked(ctx, r.who, false); err != nil {
		return err
	}
	id, err := p.Do(ctx, q)
	if err != nil {
		return err
	}
	return c.recorded(answer{Pipeline: p.Name(), Request: "resume", ID: id},
		say("%s is resumed: %s and what comes after it is shipped.", p.Name(), short(q.From)), c.outlook(ctx, p))
}

var fullID = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// proposeFloor proposes the change that automation would ship, to a person.
func (c *call) proposeFloor(ctx context.Context, p pipeline.Pipeline, s pipeline.Status) (string, error) {
	const name = "name the commit that has the fix with -from"
	e, ok := p.(planner)
	if !ok {
		return "", misuse("%s", name)
	}
	plan, err := e.Plan(ctx)
	if err != nil {
		return "", err
	}
	if plan.Change == nil {
		return "", refused("no change on the branch passed CI and could be shipped: push a fix, or %s", name)
	}
	question := say("%s is stopped by %s %s: %q.\nThe newest change that passed CI is %s, %q, by %s.\nDoes it have the fix? Only you can know. Ship from it?",
		s.Name, s.Stop.By, c.ago(s.Stop.Since), clean(s.Stop.Reason), plan.Change.Short(), clean(plan.Change.Subject), plan.Change.Author)
	return plan.Change.Revision, c.confirm(ctx, question, name)
}
