package command

import (
	"context"
	"flag"

	"github.com/muster-deploy/muster/pipeline"
)

var abortCommand = &command{
	name: "abort", operands: []string{"[DEPLOY]"}, brief: "end the deploy under way: drop it, or roll it back once something was switched",
	long: `Ends the deploy under way, or the one that was asked for. Before any unit was switched
it is dropped; after that it is rolled back, and automation stops.`,
	setup: func(set *flag.FlagSet) action {
		var who asking
		who.declare(set)
		return func(ctx context.Context, c *call) error { return abort(ctx, c, who) }
	},
}

func abort(ctx context.Context, c *call, who asking) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	id := c.operand(0)
	if id == "" {
		if id, err = underWay(ctx, p); err != nil {
			return err
		}
	}
	q := pipeline.Abort{Deploy: id}
	if q.Asked, err = c.asked(ctx, who, true); err != nil {
		return err
	}
	request, err := p.Do(ctx, q)
	if err != nil {
		return err
	}
	return c.recorded(answer{Pipeline: p.Name(), Request: "abort", ID: request},
		say("%s: %s is being aborted.", p.Name(), id), c.outlook(ctx, p))
}

// underWay is the id of the deploy under way, or of what was asked for.
func underWay(ctx context.Context, p pipeline.Pipeline) (string, error) {
	s, err := p.Status(ctx)
	switch {
	case err != nil:
		return "", err
	case s.Open != nil:
		return s.Open.ID, nil
	case s.Wanted != nil:
		return s.Wanted.ID, nil
	}
	return "", refused("%s has no deploy under way", p.Name())
}

var answerCommand = &command{
	name: "answer", operands: []string{"HOOK", "done|again"}, brief: "say what became of a hook whose deployer died",
	long: `Says what became of a hook (a migration) whose end is not known, because a deployer
died while it ran: "done" where it did its work, "again" where it has to run again.
The deploy waits for that.`,
	setup: func(set *flag.FlagSet) action {
		var who asking
		who.declare(set)
		return func(ctx context.Context, c *call) error { return answerHook(ctx, c, who) }
	},
}

func answerHook(ctx context.Context, c *call, who asking) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	hook, word := c.operand(0), c.operand(1)
	if word != "done" && word != "again" {
		return misuse("answer %s with \"done\" or \"again\", not with %q", clean(hook), clean(word))
	}
	deploy, err := underWay(ctx, p)
	if err != nil {
		return err
	}
	asked, err := c.asked(ctx, who, false)
	if err != nil {
		return err
	}
	id, err := p.Do(ctx, pipeline.Answer{Asked: asked, Deploy: deploy, Hook: hook, Done: word == "done"})
	if err != nil {
		return err
	}
	text := say("%s: %s counts as done, and %s goes on.", p.Name(), hook, deploy)
	if word == "again" {
		text = say("%s: %s runs again, and then %s goes on.", p.Name(), hook, deploy)
	}
	return c.recorded(answer{Pipeline: p.Name(), Request: "answer", ID: id}, text, c.outlook(ctx, p))
}
