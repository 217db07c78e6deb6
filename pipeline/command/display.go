package command

import (
	"fmt"
	"sync"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/words"
)

// display shows events: as a picture below lines that stay on a terminal, as lines
// with their time elsewhere, as JSON where that is asked for. Its methods may be
// called concurrently.
type display struct {
	c      *call
	raw    bool          // events are written as JSON
	ticker chan struct{} // ends the ticking; nil where nothing is redrawn
	ticks  sync.WaitGroup

	mu     sync.Mutex
	board  board
	screen screen
	told   map[string]bool
}

// redrawEvery is how often a picture shows that time passes.
const redrawEvery = 500 * time.Millisecond

// display returns what shows the progress of a command. With -json, the events are
// its result, or they are not shown.
func (c *call) display(raw bool) *display {
	d := &display{c: c, raw: raw && c.json, told: map[string]bool{}, screen: screen{out: c.Stdout}}
	if c.json || !c.lively() {
		return d
	}
	d.ticker = make(chan struct{})
	d.ticks.Go(func() {
		t := time.NewTicker(redrawEvery)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				d.mu.Lock()
				d.redraw()
				d.mu.Unlock()
			case <-d.ticker:
				return
			}
		}
	})
	return d
}

// event shows one event.
func (d *display) event(e pipeline.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.raw {
		_ = writeJSON(d.c.Stdout, e) // nobody is left to be told
	}
	if d.c.json {
		return
	}
	d.board.apply(e)
	if text := words.Event(e); text != "" {
		d.line(e.At, say("%s: %s", e.Pipeline, text), e)
	}
	d.redraw()
}

// say shows a sentence that is no event's.
func (d *display) say(text string) {
	if d.c.json {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.line(d.c.now(), text, pipeline.Event{})
	d.redraw()
}

// once shows a sentence, unless it was shown before.
func (d *display) once(text string) {
	d.mu.Lock()
	told := d.told[text]
	d.told[text] = true
	d.mu.Unlock()
	if !told {
		d.say(text)
	}
}

// close takes the picture away and leaves the lines.
func (d *display) close() {
	if d.ticker != nil {
		close(d.ticker)
		d.ticks.Wait()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.screen.draw(nil)
	d.screen.flush()
}

// line writes a line that stays. The caller holds mu.
func (d *display) line(at time.Time, text string, e pipeline.Event) {
	if !d.c.lively() {
		d.screen.print(fmt.Sprintf("%s %s", at.In(d.c.Zone).Format(time.RFC3339), text))
		return
	}
	text = fmt.Sprintf("%s %s", at.In(d.c.Zone).Format(time.TimeOnly), text)
	if colour := colourOf(e); colour != "" && d.c.colourful() {
		text = colour + text + "\x1b[0m"
	}
	d.screen.print(text)
}

// redraw draws the picture anew. The caller holds mu.
func (d *display) redraw() {
	if d.ticker != nil {
		d.screen.draw(d.board.picture(d.c.Now(), d.c.Width()))
	}
	d.screen.flush()
}

// colourOf is the colour of a line: green for what is live, red for what went
// wrong, none for the rest.
func colourOf(e pipeline.Event) string {
	const red, green = "\x1b[31m", "\x1b[32m"
	switch e.Kind {
	case pipeline.EventProblem:
		return red
	case pipeline.EventEnded:
		switch e.End {
		case pipeline.Live, pipeline.Unchanged:
			return green
		case pipeline.FailedEnd, pipeline.RolledBack, pipeline.RollbackFailed:
			return red
		}
	}
	return ""
}
