package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"slices"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

var statusCommand = &command{
	name: "status", brief: "say what is live, what is under way, and why nothing else is",
	long: `Says what is live, what is under way, who holds or stopped the pipeline and why,
and what the units said last. Without -pipeline it speaks of all pipelines.`,
	setup: func(*flag.FlagSet) action { return showStatus },
}

func showStatus(ctx context.Context, c *call) error {
	all, err := c.all()
	if err != nil {
		return err
	}
	for i, p := range all {
		s, err := readStatus(ctx, p)
		if err != nil {
			return err
		}
		if c.json {
			err = writeJSON(c.Stdout, s)
		} else {
			if i > 0 {
				fmt.Fprintln(c.Stdout)
			}
			c.status(s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readStatus returns the status; that of a pipeline that never ran says so.
func readStatus(ctx context.Context, p pipeline.Pipeline) (pipeline.Status, error) {
	s, err := p.Status(ctx)
	if errors.Is(err, pipeline.ErrNoPipeline) {
		return pipeline.Status{Name: p.Name(), Reason: pipeline.Reason{
			Code: pipeline.CodeUnknown, Sentence: words.NeverRan,
		}}, nil
	}
	return s, err
}

// status writes a status as a page.
func (c *call) status(s pipeline.Status) {
	c.printf("%s: %s\n", s.Name, s.Reason)
	rows := c.releaseRows(s)
	rows = append(rows, c.stopRows(s)...)
	for _, h := range s.Holds {
		rows = append(rows, row{"held", say("%s (%s)", sayHold(c, h), h.ID)})
	}
	if n := len(s.Parked); n > 0 {
		last := s.Parked[n-1]
		rows = append(rows, row{"parked", say("%s, not tried again by itself: %s%s", short(last.Revision), last.Reason, andMore(n-1))})
	}
	if n := len(s.Excluded); n > 0 {
		rows = append(rows, row{"quarantine", fmt.Sprintf("%s, never shipped again", count(n, "commit"))})
	}
	if s.Floor != "" {
		rows = append(rows, row{"ships from", say("%s, named by the last resume", short(s.Floor))})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Observed)) {
		rows = append(rows, c.unitRows(name, s.Observed[name])...)
	}
	if s.Epoch > 0 || s.Deployer != nil { // else it never ran
		rows = append(rows, c.deployerRow(s))
	}
	c.table(rows)
}

// releaseRows say what is live, under way and asked for.
func (c *call) releaseRows(s pipeline.Status) []row {
	var rows []row
	if l := s.Live; l != nil {
		text := l.ID
		if !l.At.IsZero() {
			text += say(", declared live %s (%s)", c.when(l.At), c.ago(l.At))
		}
		if len(l.Batch) > 1 {
			text += ", " + count(len(l.Batch), "change")
		}
		rows = append(rows, row{"live", say("%s", text)})
	}
	if o := s.Open; o != nil {
		rows = append(rows, c.openRows(o)...)
		if s.Reason.Code == pipeline.CodeWaiting {
			rows = append(rows, c.answerRows(o)...)
		}
	}
	if w := s.Wanted; w != nil {
		rows = append(rows, row{"asked for", say("%s by %s %s: %q", short(w.Revision), w.By, c.ago(w.At), clean(w.Reason))})
	}
	return rows
}

// openRows say how far the deploy or rollback under way is.
func (c *call) openRows(o *pipeline.Attempt) []row {
	label, text := "deploying", say("%s %q", o.To.ID, clean(o.Subject))
	if o.Kind == pipeline.KindRollback {
		label, text = "undoing", say("%s, back to %s", words.Undone(o), o.To.ID)
	}
	text += say(", began %s", c.ago(o.Began))
	if o.By != "" {
		text += say(", asked for by %s: %q", o.By, clean(o.Reason))
	}
	rows := []row{{label, text}}
	if o.Abort != nil {
		rows = append(rows, row{"", say("being aborted by %s: %q", o.Abort.By, clean(o.Abort.Reason))})
	}
	for _, stage := range slices.Sorted(maps.Keys(o.Stages)) {
		rows = append(rows, stageRows(stage, o.Stages[stage])...)
	}
	return rows
}

// answerRows say how to answer for the hooks whose end is not known.
func (c *call) answerRows(o *pipeline.Attempt) []row {
	var rows []row
	for _, p := range o.Stages {
		for hook, state := range p.Hooks {
			if state == pipeline.HookBegun {
				rows = append(rows, row{"", say("if the deployer died while %s ran, look what it did, then: %s answer %[1]s done|again", hook, c.Name)})
			}
		}
	}
	return rows
}

// stageRows say how far one stage is, and which hook waits for an answer.
func stageRows(stage string, p *pipeline.StageProgress) []row {
	if p == nil {
		return nil
	}
	var rows []row
	for _, hook := range slices.Sorted(maps.Keys(p.Hooks)) {
		if p.Hooks[hook] == pipeline.HookBegun {
			rows = append(rows, row{"", say("%s: hook %s was begun", stage, hook)})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.Targets)) {
		rows = append(rows, row{"", say("%s: %s", stage, words.Target(name, p.Targets[name]))})
	}
	if !p.Done && !p.Verified.IsZero() {
		rows = append(rows, row{"", say("%s: verified, baking", stage)})
	}
	return rows
}

// stopRows say why automation is off and how it goes on.
func (c *call) stopRows(s pipeline.Status) []row {
	if s.Stop == nil {
		return nil
	}
	rows := []row{{"stopped", say("by %s %s: %q", s.Stop.By, c.ago(s.Stop.Since), clean(s.Stop.Reason))}}
	if s.Open == nil {
		rows = append(rows, row{"", say("go on with: %s resume -from COMMIT", c.Name)})
	}
	return rows
}

// unitRows say what one target's units said.
func (c *call) unitRows(name string, o pipeline.Observed) []row {
	text := say("%d of %d units serve what they should, noted %s", o.On, o.Units, c.ago(o.At))
	if o.BestEffort {
		text += ", fenced by best effort only"
	}
	rows := []row{{name, text}}
	for i, u := range o.Off {
		if i == 3 {
			rows = append(rows, row{"", fmt.Sprintf("and %d more", len(o.Off)-i)})
			break
		}
		rows = append(rows, row{"", unitText(u)})
	}
	return rows
}

func (c *call) deployerRow(s pipeline.Status) row {
	if s.Deployer == nil {
		return row{"deployer", say("none is running: \"%s settle\" acts from here", c.Name)}
	}
	return row{"deployer", say("%s since %s", s.Deployer.Holder, c.when(s.Deployer.Since))}
}
