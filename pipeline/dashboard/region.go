package dashboard

import (
	"bytes"
	"errors"
	"slices"
	"time"
)

// errChanged says that a reader may read something else than before: the stream ends,
// and the browser opens another one.
var errChanged = errors.New("what may be read has changed")

// time is the time in the zone of the pages.
func (d *Dashboard) time() time.Time { return time.Now().In(d.c.Zone) }

// regionEvent is an event that replaces the region of that id by a template.
func (d *Dashboard) regionEvent(template, id string, data any) []byte {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, template, data); err != nil {
		d.c.Log.Error("render region", "region", template, "error", err)
		return nil
	}
	return event("region", region{ID: id, HTML: string(visible(b.Bytes()))})
}

// event is the event that replaces a region of one pipeline, which is made once for
// each version and shared by all streams of the variant: those whose readers may act
// see more than the others.
func (d *Dashboard) event(l *lane, v view, template, variant string, content func() (id string, data any)) []byte {
	name := template + variant
	l.mu.Lock()
	made := l.rendered[name]
	l.mu.Unlock()
	if made.version == v.version && made.event != nil {
		return made.event
	}
	id, data := content()
	made = rendering{version: v.version, event: d.regionEvent(template, id, data)}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rendered[name].version <= v.version {
		l.rendered[name] = made
	}
	return made.event
}

// linesEvent is an event that adds lines to what happened.
func (d *Dashboard) linesEvent(lines []line) []byte {
	seq := lines[len(lines)-1].seq
	slices.Reverse(lines) // the newest first
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "lines", linesOf{clock{d.time()}, lines}); err != nil {
		d.c.Log.Error("render lines", "error", err)
		return nil
	}
	return event("lines", said{string(visible(b.Bytes())), seq})
}

// linesOf are lines with the clock by which they are shown.
type linesOf struct {
	clock
	Lines []line
}
