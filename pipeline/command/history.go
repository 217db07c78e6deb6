package command

import (
	"context"
	"flag"
	"fmt"

	"github.com/muster-deploy/muster/pipeline"
)

var historyCommand = &command{
	name: "history", brief: "list the deploys and rollbacks that have ended",
	long: `Lists the deploys and rollbacks that have ended, the newest first.`,
	setup: func(set *flag.FlagSet) action {
		n := set.Int("n", 20, "how many: at most `N`")
		before := set.String("before", "", "only those older than `DEPLOY`")
		return func(ctx context.Context, c *call) error { return showHistory(ctx, c, *n, *before) }
	},
}

func showHistory(ctx context.Context, c *call, n int, before string) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	if n < 1 {
		return misuse("-n is %d: want at least 1", n)
	}
	shown := 0
	for d, err := range p.Deploys(ctx, before) {
		if err != nil {
			return err
		}
		if err := c.deployLine(d); err != nil {
			return err
		}
		if shown++; shown == n {
			return nil
		}
	}
	if shown == 0 && !c.json {
		c.printf("%s: nothing was deployed yet\n", p.Name())
	}
	return nil
}

// deployLine writes one line of the history, and what there is to say about it.
func (c *call) deployLine(d pipeline.Deploy) error {
	if c.json {
		return writeJSON(c.Stdout, d)
	}
	text := fmt.Sprintf("%-16s  %-15s  %s, took %s", clean(d.ID), clean(string(d.End)), c.when(d.Ended), took(d.Ended.Sub(d.Began)))
	switch {
	case d.Kind == pipeline.KindRollback && d.From != nil:
		text += say(", undid %s, back to %s", d.From.ID, d.To.ID)
	case d.Subject != "":
		text += say("  %q", clean(d.Subject))
	}
	if n := len(d.Batch); n > 1 {
		text += fmt.Sprintf(" and %d more", n-1)
	}
	fmt.Fprintln(c.Stdout, text)
	const indent = "                  "
	if d.By != "" {
		c.printf(indent+"by %s: %q\n", d.By, clean(d.Reason))
	}
	if d.Why != "" && d.Why != d.Reason {
		c.printf(indent+"%s\n", d.Why)
	}
	for i, u := range d.Failed {
		if i == 3 {
			c.printf(indent+"and %d more\n", len(d.Failed)-i)
			break
		}
		fmt.Fprintln(c.Stdout, indent+unitText(u))
	}
	return nil
}
