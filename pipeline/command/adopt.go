package command

import (
	"context"
	"flag"
)

// adopter records what runs already as the first release.
type adopter interface {
	Adopt(ctx context.Context, revision, by string) error
}

var adoptCommand = &command{
	name: "adopt", operands: []string{"COMMIT"}, brief: "record what runs already as the first release",
	long: `Records what the units run already as the first release, so that the first deploy
has a way back. COMMIT is what it was built from, by its full id. All units must run
the same.`,
	setup: func(set *flag.FlagSet) action {
		var who asking
		set.StringVar(&who.by, "by", "", "`WHO` asks (default: you, at this machine)")
		return func(ctx context.Context, c *call) error { return adopt(ctx, c, who) }
	},
}

func adopt(ctx context.Context, c *call, who asking) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	a, err := able[adopter](p, "adopt")
	if err != nil {
		return err
	}
	asked, err := c.asked(ctx, who, false)
	if err != nil {
		return err
	}
	if err := a.Adopt(ctx, c.operand(0), asked.By); err != nil {
		return err
	}
	return c.recorded(answer{Pipeline: p.Name(), Request: "adopt"},
		say("%s: what runs now is recorded as the first release, from commit %s.", p.Name(), short(c.operand(0))))
}
