package command

import (
	"context"
	"flag"
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// planner says what would be done.
type planner interface {
	Plan(ctx context.Context) (pipeline.Plan, error)
}

var planCommand = &command{
	name: "plan", brief: "say what would be deployed now, step by step, without doing it",
	long: `Says what would be deployed now and in which steps, or what prevents it. It
touches nothing.`,
	setup: func(*flag.FlagSet) action { return showPlan },
}

// planOf is the JSON form of "plan".
type planOf struct {
	Pipeline string `json:"pipeline"`
	pipeline.Plan
}

func showPlan(ctx context.Context, c *call) error {
	p, err := c.one()
	if err != nil {
		return err
	}
	e, err := able[planner](p, "plan")
	if err != nil {
		return err
	}
	plan, err := e.Plan(ctx)
	if err != nil {
		return err
	}
	if c.json {
		return writeJSON(c.Stdout, planOf{p.Name(), plan})
	}
	c.plan(p.Name(), plan)
	return nil
}

// plan writes a plan as a page.
func (c *call) plan(name string, p pipeline.Plan) {
	c.printf("%s: %s\n", name, p.Reason)
	if p.Change == nil {
		return
	}
	format := "\nIf nothing were in the way, %s would go out, %s:\n"
	if p.Go {
		format = "\n%s would go out now, %s:\n"
	}
	c.printf(format, p.Change.Short(), count(len(p.Batch), "change"))
	for i, change := range p.Batch {
		if i == 10 {
			c.printf("  and %d more\n", len(p.Batch)-i)
			break
		}
		c.printf("  %s  %s (%s)\n", change.Short(), change.Subject, change.Author)
	}
	for _, stage := range p.Stages {
		c.plannedStage(stage)
	}
}

func (c *call) plannedStage(s pipeline.PlannedStage) {
	c.printf("\nStage %s:\n", s.Name)
	for _, hook := range s.Hooks {
		c.printf("  run %s\n", hook)
	}
	for _, t := range s.Targets {
		if t.Problem != "" {
			c.printf("  %s: the steps are not known: %s\n", t.Name, t.Problem)
			continue
		}
		for _, step := range t.Steps {
			c.printf("  %s, batch %d of %d: %s\n", t.Name, step.Batch, step.Batches, unitsText(step))
		}
		if len(t.Steps) == 0 {
			c.printf("  %s: nothing to switch\n", t.Name)
		}
	}
	if len(s.Checks) > 0 {
		c.printf("  then check %s\n", strings.Join(s.Checks, ", "))
	}
}

// unitsText names the units of a step, the first of many.
func unitsText(s target.Step) string {
	if n := len(s.Units); n > 5 {
		return fmt.Sprintf("%s and %d more", strings.Join(s.Units[:4], ", "), n-4)
	}
	return strings.Join(s.Units, ", ")
}
