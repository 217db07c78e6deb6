package dashboard

import (
	"cmp"
	"maps"
	"slices"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// step is one part of a deploy or rollback under way.
type step struct {
	Name, Word string
	Mark       string // "fine" done, "busy" under way, "wait" not begun, "bad" failed
	Hooks      []hookStep
	Targets    []targetStep
}

// hookStep is a hook of a stage.
type hookStep struct{ Name, Word string }

// targetStep is one target of a stage.
type targetStep struct {
	Name, Word  string
	Done, Total int64 // units of the batch
	Units       []unitStep
	More        int
	Failed      []string
}

// unitStep is a unit of the batch under way.
type unitStep struct{ Name, Word, Mark string }

// stepsOf says how far what is open is. The record has its stages, the events the
// units of the batch.
func stepsOf(s pipeline.Status, bars []bar) []step {
	o := s.Open
	if o.Kind == pipeline.KindRollback {
		return []step{{Name: "Going back to " + o.To.ID, Word: "under way", Mark: "busy", Targets: barSteps(bars)}}
	}
	steps := []step{{Name: "Build", Word: "done", Mark: "fine"}, {Name: "Prepare", Word: "done", Mark: "fine"}}
	switch {
	case o.To.Digest == "":
		steps[0].Word, steps[0].Mark = "under way", "busy"
		steps[1].Word, steps[1].Mark = "to come", "wait"
	case !o.Prepared:
		steps[1].Word, steps[1].Mark = "under way", "busy"
		steps[1].Targets = barSteps(bars)
	}
	return append(steps, stageSteps(o, bars)...)
}

// stageSteps are the stages that were begun, in the order in which they were.
func stageSteps(o *pipeline.Attempt, bars []bar) []step {
	names := slices.Collect(maps.Keys(o.Stages))
	slices.SortFunc(names, func(a, b string) int {
		x, y := o.Stages[a], o.Stages[b]
		if x.Done != y.Done {
			return map[bool]int{true: -1, false: 1}[x.Done]
		}
		return cmp.Or(x.Activated.Compare(y.Activated), cmp.Compare(a, b))
	})
	var steps []step
	for _, name := range names {
		steps = append(steps, stageStep(name, o.Stages[name], bars))
	}
	return steps
}

func stageStep(name string, p *pipeline.StageProgress, bars []bar) step {
	st := step{Name: name, Word: "under way", Mark: "busy"}
	switch {
	case p.Done:
		st.Word, st.Mark = "done", "fine"
	case !p.Verified.IsZero():
		st.Word = "verified, baking"
	case !p.Activated.IsZero():
		st.Word = "activated, being verified"
	}
	for _, hook := range slices.Sorted(maps.Keys(p.Hooks)) {
		st.Hooks = append(st.Hooks, hookStep{hook, string(p.Hooks[hook])})
	}
	for _, target := range slices.Sorted(maps.Keys(p.Targets)) {
		t := p.Targets[target]
		failed := t.Failed
		t.Failed = nil // they have lines of their own
		ts := targetStep{Name: target, Word: words.Target("", t)}
		if i := slices.IndexFunc(bars, func(b bar) bool { return b.Target == target }); i >= 0 && !t.Done {
			ts.fill(bars[i])
		}
		for i, u := range failed {
			if i == 5 {
				break
			}
			ts.Failed = append(ts.Failed, words.Unit(u))
		}
		st.Targets = append(st.Targets, ts)
	}
	return st
}

// barSteps are the targets of which the events alone speak.
func barSteps(bars []bar) []targetStep {
	var all []targetStep
	for _, b := range bars {
		t := targetStep{Name: b.Target}
		t.fill(b)
		all = append(all, t)
	}
	return all
}

// fill takes the units of the batch from the events.
func (t *targetStep) fill(b bar) {
	t.More = b.More
	for _, u := range b.Units {
		t.Units = append(t.Units, unitOf(u))
		if u.Phase == "done" {
			t.Done++
		}
	}
	t.Total = int64(len(b.Units))
	if b.Whole != nil && b.Whole.Total > 0 {
		t.Done, t.Total = b.Whole.Done, b.Whole.Total
	}
}

func unitOf(u unitNews) unitStep {
	s := unitStep{Name: u.Name, Word: words.Clean(u.Phase), Mark: "busy"}
	switch u.Phase {
	case "":
		s.Word, s.Mark = "to come", "wait"
	case "done":
		s.Mark = "fine"
	case "failed":
		s.Mark = "bad"
	}
	return s
}
