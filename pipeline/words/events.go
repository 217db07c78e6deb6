package words

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// Event is the line of an event; empty for one that only moves a picture.
func Event(e pipeline.Event) string {
	switch e.Kind {
	case pipeline.EventProgress:
		if e.Progress != nil && e.Progress.Phase == "failed" {
			return Say("%s: %s failed: %s", e.Target, cmp.Or(e.Progress.Unit, "it"), cmp.Or(e.Progress.Message, "it did not say why"))
		}
		return ""
	case pipeline.EventLost:
		return fmt.Sprintf("%s not shown: there were too many at once", Count(e.Lost, "event"))
	case pipeline.EventStage:
		return Say("%s: %s", e.Stage, e.Message)
	case pipeline.EventProblem:
		return Say("problem, tried again: %s", e.Message)
	}
	return Say("%s", cmp.Or(e.Message, string(e.Kind)))
}

// Differences says what happened between two looks at a pipeline, as the deployer's own events do.
func Differences(a, b pipeline.Status) []pipeline.Event {
	var events []pipeline.Event
	add := func(e pipeline.Event) {
		e.At, e.Pipeline = b.At, b.Name
		events = append(events, e)
	}
	o := b.Open
	if o == nil {
		if b.Reason.Sentence != a.Reason.Sentence {
			add(pipeline.Event{Kind: pipeline.EventReason, Message: b.Reason.Sentence})
		}
		return events
	}
	was := a.Open
	if was == nil || was.ID != o.ID {
		was = &pipeline.Attempt{}
		add(pipeline.Event{Kind: pipeline.EventBegan, Deploy: o.ID, Message: b.Reason.Sentence})
	} else if b.Reason.Sentence != a.Reason.Sentence {
		add(pipeline.Event{Kind: pipeline.EventReason, Deploy: o.ID, Message: b.Reason.Sentence})
	}
	if o.Prepared && !was.Prepared {
		add(pipeline.Event{Kind: pipeline.EventPrepared, Deploy: o.ID, Message: o.ID + " is prepared on every target"})
	}
	for _, stage := range slices.Sorted(maps.Keys(o.Stages)) {
		for _, e := range stageDifferences(stage, was.Stages[stage], o.Stages[stage]) {
			e.Deploy = o.ID
			add(e)
		}
	}
	return events
}

// stageDifferences says what happened in one stage.
func stageDifferences(stage string, a, b *pipeline.StageProgress) []pipeline.Event {
	if a == nil {
		a = &pipeline.StageProgress{}
	}
	if b == nil {
		return nil
	}
	var events []pipeline.Event
	for _, name := range slices.Sorted(maps.Keys(b.Targets)) {
		was, is := a.Targets[name], b.Targets[name]
		if is.Batch != was.Batch {
			events = append(events, pipeline.Event{Kind: pipeline.EventBatch, Stage: stage, Target: name,
				Step:    &target.Step{Batch: is.Batch, Batches: is.Batches},
				Message: Say("%s: batch %d of %d", name, is.Batch, is.Batches)})
		}
		if is.Done && !was.Done {
			events = append(events, pipeline.Event{Kind: pipeline.EventStage, Stage: stage, Target: name, Message: name + " is done"})
		}
	}
	if b.Done && !a.Done {
		events = append(events, pipeline.Event{Kind: pipeline.EventStage, Stage: stage, Message: "done"})
	}
	return events
}
