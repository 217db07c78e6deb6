package dashboard

import (
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
	"github.com/muster-deploy/muster/target"
)

// mostUnits is how many units of a batch are kept; of a larger one, the rest is
// counted.
const mostUnits = 60

// mostLines is how many lines of what happens are kept.
const mostLines = 200

// scene is what the events of one pipeline add up to. It is the record's stages that
// count; a scene has what the record does not: each unit of the batch under way.
type scene struct {
	bars  []bar
	lines []line
	seq   uint64 // of the last line
}

// bar is where one target is.
type bar struct {
	Target string
	Units  []unitNews
	More   int // units that are not kept
	Whole  *target.Progress
}

// unitNews is what was heard of a unit last.
type unitNews struct {
	Name, Phase string
	Done, Total int64
}

// line is one thing that happened.
type line struct {
	seq  uint64
	At   time.Time
	Text string
	Tone string // "good", "bad", or nothing
}

// hear takes in one event.
func (s *scene) hear(e pipeline.Event) {
	if text := words.Event(e); text != "" {
		s.seq++
		s.lines = append(s.lines, line{seq: s.seq, At: e.At, Text: text, Tone: tone(e)})
		if over := len(s.lines) - mostLines; over > 0 {
			s.lines = slices.Delete(s.lines, 0, over)
		}
	}
	switch e.Kind {
	case pipeline.EventBegan, pipeline.EventPrepared, pipeline.EventEnded, pipeline.EventClaimed:
		s.bars = nil
	case pipeline.EventBatch:
		s.bar(e.Target).begin(e.Step)
	case pipeline.EventProgress:
		if e.Progress != nil {
			s.bar(e.Target).progress(*e.Progress)
		}
	}
}

// tone says whether an event is good or bad news.
func tone(e pipeline.Event) string {
	switch {
	case e.Kind == pipeline.EventProblem, e.Kind == pipeline.EventProgress:
		return "bad"
	case e.Kind != pipeline.EventEnded:
		return ""
	case e.End == pipeline.Live || e.End == pipeline.Unchanged:
		return "good"
	case e.End == pipeline.FailedEnd || e.End == pipeline.RolledBack || e.End == pipeline.RollbackFailed:
		return "bad"
	}
	return ""
}

func (s *scene) bar(name string) *bar {
	i := slices.IndexFunc(s.bars, func(b bar) bool { return b.Target == name })
	if i < 0 {
		s.bars = append(s.bars, bar{Target: name})
		i = len(s.bars) - 1
	}
	return &s.bars[i]
}

// begin takes in a batch that begins.
func (b *bar) begin(step *target.Step) {
	b.Units, b.More, b.Whole = nil, 0, nil
	if step == nil {
		return
	}
	for _, name := range step.Units {
		b.unit(name)
	}
}

// unit returns the unit of that name, or nil where there are too many.
func (b *bar) unit(name string) *unitNews {
	i := slices.IndexFunc(b.Units, func(u unitNews) bool { return u.Name == name })
	switch {
	case i >= 0:
		return &b.Units[i]
	case len(b.Units) == mostUnits:
		b.More++
		return nil
	}
	b.Units = append(b.Units, unitNews{Name: name})
	return &b.Units[len(b.Units)-1]
}

// progress takes in news of a unit, or of the target.
func (b *bar) progress(p target.Progress) {
	if p.Unit == "" {
		b.Whole = &p
		return
	}
	if i := slices.IndexFunc(b.Units, func(u unitNews) bool { return u.Name == p.Unit }); i < 0 && len(b.Units) == mostUnits {
		return // it was counted when the batch began
	}
	if u := b.unit(p.Unit); u != nil {
		u.Phase, u.Done, u.Total = p.Phase, p.Done, p.Total
	}
}

// copied returns the bars as they are now.
func (s *scene) copied() []bar {
	bars := slices.Clone(s.bars)
	for i := range bars {
		bars[i].Units = slices.Clone(bars[i].Units)
	}
	return bars
}

// since returns the lines after seq, and how many are no longer known.
func (s *scene) since(seq uint64) (lines []line, lost uint64) {
	if len(s.lines) == 0 || seq >= s.seq {
		return nil, 0
	}
	first := s.lines[0].seq
	if seq+1 < first {
		return slices.Clone(s.lines), first - seq - 1
	}
	return slices.Clone(s.lines[seq+1-first:]), 0
}
