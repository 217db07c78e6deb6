package command

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/pipeline"
)

// asking are the flags of who asks, and why.
type asking struct{ by, reason string }

func (a *asking) declare(set *flag.FlagSet) {
	set.StringVar(&a.by, "by", "", "`WHO` asks (default: you, at this machine)")
	set.StringVar(&a.reason, "reason", "", "`WHY`, in your own words, for the person who reads it at night")
}

// asked returns who asks and why. Where a reason is needed and not given, the
// person is asked for it.
func (c *call) asked(ctx context.Context, a asking, needed bool) (pipeline.Asked, error) {
	if a.by == "" {
		a.by = c.By
	}
	if strings.TrimSpace(a.by) == "" {
		return pipeline.Asked{}, misuse("it is not known who you are: say so with -by")
	}
	if needed && strings.TrimSpace(a.reason) == "" {
		if !c.Interactive {
			return pipeline.Asked{}, misuse("a reason is missing: say why with -reason, for the person who reads it at night")
		}
		reason, err := c.read1(ctx, "Why? ")
		if err != nil {
			return pipeline.Asked{}, err
		}
		if a.reason = reason; reason == "" {
			return pipeline.Asked{}, refused("no reason was given")
		}
	}
	return pipeline.Asked{By: a.by, Reason: a.reason}, nil
}

// confirm asks the person to say yes. Where nobody can be asked, it is an error that
// names the way to say yes beforehand.
func (c *call) confirm(ctx context.Context, question, otherwise string) error {
	if !c.Interactive {
		return misuse("%s", otherwise)
	}
	reply, err := c.read1(ctx, question+" [y/N] ")
	if err != nil {
		return err
	}
	if reply := strings.ToLower(reply); reply != "y" && reply != "yes" {
		return refused("you did not say yes")
	}
	return nil
}

// read1 asks a question and reads one line; it stops waiting when ctx ends.
func (c *call) read1(ctx context.Context, question string) (string, error) {
	c.mu.Lock()
	fmt.Fprint(c.Stderr, question)
	c.mu.Unlock()
	lines := make(chan string, 1)
	go func() {
		line, _ := c.lines().ReadString('\n') // the end of input is no answer
		lines <- strings.TrimSpace(line)
	}()
	select {
	case line := <-lines:
		return line, nil
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// lines reads Stdin; there is one reader for all questions, since it reads ahead.
func (c *call) lines() *bufio.Reader {
	if c.stdin == nil {
		c.stdin = bufio.NewReader(c.Stdin)
	}
	return c.stdin
}
