package command

import (
	"context"
	"flag"

	"github.com/muster-deploy/muster/pipeline"
)

// explainer answers "why is my change not live?".
type explainer interface {
	Explain(ctx context.Context, revision string) (pipeline.Reason, error)
}

var whyCommand = &command{
	name: "why", operands: []string{"CHANGE"}, brief: "say why a change is live, or why it is not",
	long: `Says where a change is, and what it waits for where it is not live. CHANGE is a
commit; seven characters are enough where they name one only.`,
	setup: func(*flag.FlagSet) action { return showWhy },
}

// reasonOf is the JSON form of "why".
type reasonOf struct {
	Pipeline string `json:"pipeline"`
	pipeline.Reason
}

func showWhy(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	e, err := able[explainer](p, "why")
	if err != nil {
		return err
	}
	reason, err := e.Explain(ctx, c.operand(0))
	if err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.Stdout, reasonOf{p.Name(), reason})
	}
	c.printf("%s: %s\n", p.Name(), reason)
	return nil
}
