package dashboard

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// nowRegion is where a pipeline is now: the part of its page that changes by itself.
type nowRegion struct {
	clock
	state
	Name, Sentence string
	May            bool // who reads may act
	S              pipeline.Status
	Steps          []step
	Holds          []heldBy
	Units          []observed
	Questions      []question
	Alone          bool // no deployer runs
	Acts           []link
}

// link is something that can be done now.
type link struct{ Action, Field, ID, Text, Kind string }

// heldBy is a hold.
type heldBy struct {
	lock.Hold
	Sentence, Covers string
	Lift             bool // it is a person's, which can be lifted
}

// observed is what a target's units said.
type observed struct {
	pipeline.Observed
	Name string
	Off  []string
	More int
}

// question is a hook whose end is not known.
type question struct{ Deploy, Hook string }

// nowOf returns the region.
func nowOf(now time.Time, l *lane, v view, may bool) nowRegion {
	s := v.status
	n := nowRegion{clock: clock{now}, state: stateOf(v), Name: l.name, Sentence: sentence(v), May: may, S: s,
		Alone: s.Deployer == nil && s.Epoch > 0}
	if s.Open != nil {
		n.Steps = stepsOf(s, v.bars)
	}
	for _, h := range s.Holds {
		held := heldBy{Hold: h, Sentence: words.Hold(h, now.Location()), Lift: may && h.Source == ""}
		if h.Scope != lock.Pipeline(l.name) {
			held.Covers = words.Scope(h.Scope)
		}
		n.Holds = append(n.Holds, held)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Observed)) {
		n.Units = append(n.Units, observedOf(name, s.Observed[name]))
	}
	if may {
		n.Questions = questionsOf(s)
		n.Acts = actsOf(s)
	}
	return n
}

func observedOf(name string, o pipeline.Observed) observed {
	seen := observed{Observed: o, Name: name}
	for i, u := range o.Off {
		if i == 5 {
			seen.More = len(o.Off) - i
			break
		}
		seen.Off = append(seen.Off, words.Unit(u))
	}
	return seen
}

// questionsOf are the hooks of which only a person can say what became of them.
func questionsOf(s pipeline.Status) []question {
	var all []question
	if s.Open == nil || s.Reason.Code != pipeline.CodeWaiting {
		return nil
	}
	for _, p := range s.Open.Stages {
		for hook, state := range p.Hooks {
			if state == pipeline.HookBegun {
				all = append(all, question{s.Open.ID, hook})
			}
		}
	}
	slices.SortFunc(all, func(a, b question) int { return cmp.Compare(a.Hook, b.Hook) })
	return all
}

// actsOf are the things that can be done now, the most likely one first.
func actsOf(s pipeline.Status) []link {
	var acts []link
	add := func(action, field, id, text, kind string) { acts = append(acts, link{action, field, id, text, kind}) }
	rollingBack := s.Open != nil && s.Open.Kind == pipeline.KindRollback
	switch {
	case rollingBack:
	case s.Open != nil:
		add("rollback", "release", s.Open.To.ID, "Roll back", "grave")
		add("abort", "deploy", s.Open.ID, "Abort", "")
	case s.Stop != nil:
		add("resume", "stop", s.Stop.ID, "Resume", "main")
	case s.Live != nil:
		add("rollback", "release", s.Live.ID, "Roll back", "grave")
	}
	if s.Stop == nil {
		add("ship", "", "", "Deploy", "")
	}
	if s.Wanted != nil {
		add("abort", "deploy", s.Wanted.ID, "Drop what was asked for", "")
	}
	add("hold", "", "", "Hold", "")
	return acts
}
