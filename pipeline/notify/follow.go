package notify

import (
	"context"
	"crypto/rand"
	"iter"
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/internal/witness"
)

// lookEvery is how often a pipeline is looked at without an event.
const lookEvery = 30 * time.Second

// Follow tells what changes in a pipeline from now on, until the events end. Take the
// events from the engine, before it runs, and p from pipeline.Open, whose Status asks
// nobody but the store. Of several deployers that share the pipeline, the one that acts tells. A
// process without an engine passes no events: then ctx ends it. Several pipelines may be
// followed at once.
func (n *Notifier) Follow(ctx context.Context, p pipeline.Pipeline, events iter.Seq[pipeline.Event]) {
	f := &follower{n: n, name: p.Name()}
	witness.Follow(ctx, witness.Config{
		Pipeline: p, Events: events, Every: lookEvery, See: f.see,
		Trouble: func(err error) { n.c.Log.Warn("look at pipeline", "pipeline", f.name, "error", err) },
	})
}

// follower is how a pipeline was when it was looked at last.
type follower struct {
	n    *Notifier
	name string

	acting bool
	holds  []lock.Hold
	stop   *pipeline.Stop
	alarm  string // the revision that is live and turned red
	broken bool
}

// see compares the pipeline with how it was, and tells the difference. The first look
// tells nothing, and neither does who does not act.
func (f *follower) see(_ context.Context, l witness.Look) {
	s := l.Status
	if f.acting = l.Acting; l.First {
		f.broken = wasBroken(s, l.Ended)
	} else {
		f.tellStop(s)
		for _, d := range l.Ended {
			f.tellEnd(d)
		}
		f.tellHolds(s)
		f.tellAlarm(s)
	}
	f.holds, f.stop, f.alarm = s.Holds, s.Stop, alarm(s)
}

// wasBroken reports whether a pipeline is broken when it is looked at first.
func wasBroken(s pipeline.Status, ended []pipeline.Deploy) bool {
	if s.Stop != nil || alarm(s) != "" {
		return true
	}
	return len(ended) > 0 && slices.Contains([]pipeline.End{pipeline.FailedEnd, pipeline.RolledBack, pipeline.RollbackFailed}, ended[0].End)
}

// alarm is the revision of which the pipeline says that it turned red, or nothing.
func alarm(s pipeline.Status) string {
	if s.Reason.Code == pipeline.CodeAlarm {
		return s.Reason.Revision
	}
	return ""
}

// tell sends a message, if it is for this process to tell.
func (f *follower) tell(k Kind, m Message) {
	m.ID, m.Kind, m.Pipeline = rand.Text(), k, f.name
	if m.At.IsZero() {
		m.At = time.Now()
	}
	switch k {
	case Broke:
		f.broken = true
	case Fixed:
		f.broken = false
	}
	if f.acting {
		f.n.tell(m)
	}
}
