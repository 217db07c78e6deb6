package command

import (
	"fmt"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// board is what the events so far add up to: a lane per pipeline.
type board struct{ lanes []*lane }

// lane is where one pipeline is.
type lane struct {
	name   string
	doing  string    // the last sentence
	deploy string    // what is under way; empty when nothing is
	began  time.Time // when it began
	build  string    // the build under way
	bars   []*bar
}

// bar is where one target is.
type bar struct {
	target         string
	batch, batches int
	phases         map[string]string // by unit
	order          []string          // units of this batch, as they came up
	whole          *target.Progress  // of the target as a whole
	last           *target.Progress  // of one unit, with amounts
}

func (b *board) lane(name string) *lane {
	for _, l := range b.lanes {
		if l.name == name {
			return l
		}
	}
	l := &lane{name: name}
	b.lanes = append(b.lanes, l)
	return l
}

func (l *lane) bar(name string) *bar {
	for _, b := range l.bars {
		if b.target == name {
			return b
		}
	}
	b := &bar{target: name, phases: map[string]string{}}
	l.bars = append(l.bars, b)
	return b
}

// apply takes in one event.
func (b *board) apply(e pipeline.Event) {
	l := b.lane(e.Pipeline)
	switch e.Kind {
	case pipeline.EventBegan, pipeline.EventPrepared, pipeline.EventStage, pipeline.EventBatch, pipeline.EventReason:
		l.doing = e.Message
	}
	switch e.Kind {
	case pipeline.EventBegan:
		l.deploy, l.began, l.bars = e.Deploy, e.At, nil
	case pipeline.EventBuilding:
		l.build = e.Message
	case pipeline.EventPrepared:
		l.build, l.bars = "", nil
	case pipeline.EventBatch:
		l.bar(e.Target).begin(e.Step)
	case pipeline.EventProgress:
		if e.Progress != nil {
			l.bar(e.Target).progress(*e.Progress)
		}
	case pipeline.EventEnded:
		if e.Deploy == l.deploy || l.deploy == "" {
			l.deploy, l.build, l.bars = "", "", nil
		}
	}
}

// begin takes in a batch that begins.
func (b *bar) begin(s *target.Step) {
	if s == nil {
		return
	}
	b.batch, b.batches = s.Batch, s.Batches
	b.phases, b.order, b.last, b.whole = map[string]string{}, nil, nil, nil
	for _, unit := range s.Units {
		b.note(unit, "")
	}
}

func (b *bar) note(unit, phase string) {
	if _, known := b.phases[unit]; !known {
		b.order = append(b.order, unit)
	}
	b.phases[unit] = phase
}

// progress takes in news of a unit, or of the target.
func (b *bar) progress(p target.Progress) {
	if p.Unit == "" {
		b.whole = &p
		return
	}
	b.note(p.Unit, p.Phase)
	if b.last = &p; p.Total == 0 {
		b.last = nil
	}
}

// picture is the board as lines that are shorter than a terminal of that width.
func (b *board) picture(now time.Time, columns int) []string {
	var lines []string
	for _, l := range b.lanes {
		lines = append(lines, l.picture(now)...)
	}
	if len(lines) > mostLines { // a picture higher than the terminal cannot be redrawn
		lines = append(lines[:mostLines-1:mostLines-1], "...")
	}
	for i := range lines {
		lines[i] = fit(lines[i], columns)
	}
	return lines
}

// mostLines is how high a picture may be.
const mostLines = 16

// picture is a lane as lines: none when nothing is under way.
func (l *lane) picture(now time.Time) []string {
	if l.deploy == "" {
		if l.build == "" {
			return nil
		}
		return []string{say("%s: %s", l.name, l.build)}
	}
	lines := []string{say("%s: %s, %s: %s", l.name, l.deploy, took(max(0, now.Sub(l.began))), l.doing)}
	if l.build != "" {
		lines = append(lines, say("  %s", l.build))
	}
	for _, b := range l.bars {
		lines = append(lines, b.picture())
	}
	return lines
}

// picture is a bar as one line: how many units of the batch are through, and what
// happens to the one that was heard of last.
func (b *bar) picture() string {
	done, total := int64(0), int64(len(b.order))
	for _, phase := range b.phases {
		if phase == "done" {
			done++
		}
	}
	of := "units"
	if b.whole != nil && b.whole.Total > 0 {
		done, total, of = b.whole.Done, b.whole.Total, b.whole.Of
	}
	text := say("  %s", b.target)
	if b.batches > 0 {
		text += fmt.Sprintf(" batch %d of %d", b.batch, b.batches)
	}
	if total > 0 {
		text += fmt.Sprintf(" %s %s", gauge(done, total), amount(done, total, of))
	}
	for _, unit := range b.order {
		if phase := b.phases[unit]; phase != "" && phase != "done" {
			text += say("  %s: %s", unit, phase)
			if b.last != nil && b.last.Unit == unit {
				text += " " + amount(b.last.Done, b.last.Total, b.last.Of)
			}
		}
	}
	return text
}

// gauge is a bar of ten characters.
func gauge(done, total int64) string {
	const wide = 10
	full := int(float64(wide) * float64(min(max(done, 0), total)) / float64(total))
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", wide-full) + "]"
}

// amount says how much of how much.
func amount(done, total int64, of string) string {
	if of != "bytes" {
		return say("%d of %d %s", done, total, of)
	}
	unit, divisor := "B", 1.0
	for _, larger := range []string{"kB", "MB", "GB", "TB"} {
		if float64(total)/divisor < 1000 {
			break
		}
		unit, divisor = larger, divisor*1000
	}
	if divisor == 1 {
		return fmt.Sprintf("%d of %d B", done, total)
	}
	return fmt.Sprintf("%.1f of %.1f %s", float64(done)/divisor, float64(total)/divisor, unit)
}
