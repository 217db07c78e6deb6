package command

import (
	"context"
	"flag"

	"github.com/muster-deploy/muster/pipeline"
)

var deployCommand = &command{
	name: "deploy", operands: []string{"[CHANGE]"}, brief: "deploy one change now, past holds or a missing verdict if you say so",
	long: `Asks for one change to be deployed now; without CHANGE, the one that automation would
deploy. Holds are gone past one by one, by their ids. It never goes past a stop, a
quarantined commit or ancestry. It is recorded who asked for it and why.`,
	setup: func(set *flag.FlagSet) action {
		var d deploying
		d.who.declare(set)
		set.Func("past-hold", "go past the hold of that `ID`; may be said several times", func(id string) error {
			d.past = append(d.past, id)
			return nil
		})
		set.BoolVar(&d.unjudged, "unjudged", false, "deploy it although CI has not passed it")
		set.BoolVar(&d.wait, "wait", false, "wait until it has ended")
		return d.ask
	},
}

// deploying is what the flags of deploy say.
type deploying struct {
	who            asking
	past           []string
	unjudged, wait bool
}

func (d *deploying) ask(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	revision, err := c.change(ctx, p)
	if err != nil {
		return err
	}
	before, err := p.Status(ctx)
	if err != nil {
		return err
	}
	q := pipeline.Ship{Revision: revision, Unjudged: d.unjudged}
	for _, id := range d.past {
		h, err := c.findHold(before, id)
		if err != nil {
			return err
		}
		q.Holds = append(q.Holds, h.ID)
	}
	if q.Asked, err = c.asked(ctx, d.who, true); err != nil {
		return err
	}
	w, err := c.watchFrom(ctx, p, before, d.wait)
	if err != nil {
		return err
	}
	id, err := p.Do(ctx, q)
	if err != nil {
		return err
	}
	a := answer{Pipeline: p.Name(), Request: "ship", ID: id}
	text := say("%s: the deploy of %s is asked for.", p.Name(), short(revision))
	if !d.wait {
		return c.recorded(a, text, c.outlook(ctx, p))
	}
	return w.deploy(ctx, a, revision, text)
}

// change is the operand, or what automation would deploy.
func (c *call) change(ctx context.Context, p pipeline.Pipeline) (string, error) {
	if revision := c.operand(0); revision != "" {
		return revision, nil
	}
	e, ok := p.(planner)
	if !ok {
		return "", misuse("deploy needs the change by its full id: this program only reaches the store of %s", p.Name())
	}
	plan, err := e.Plan(ctx)
	if err != nil {
		return "", err
	}
	if plan.Change == nil {
		return "", refused("there is nothing to deploy: %s", plan.Reason)
	}
	return plan.Change.Revision, nil
}
