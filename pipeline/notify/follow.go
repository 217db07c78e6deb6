package notify

import (
	"context"
	"crypto/rand"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// Bounds of looking.
const (
	lookEvery = 30 * time.Second // also without an event
	lookTime  = 10 * time.Second
	lookBack  = 50 // deploys that ended since the last look
)

// Follow tells what changes in a pipeline from now on, until the events end. Take the
// events from the engine, and p from pipeline.Open, whose Status asks nobody but the
// store. Several pipelines may be followed at once.
func (n *Notifier) Follow(ctx context.Context, p pipeline.Pipeline, events iter.Seq[pipeline.Event]) {
	f := &follower{n: n, p: p}
	f.look(ctx)
	news, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		deploy := ""
		for e := range events {
			if !telling(e, deploy) {
				continue
			}
			deploy = e.Deploy
			select {
			case news <- struct{}{}:
			default:
			}
		}
	}()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-news:
		case <-tick.C:
		case <-ended:
			f.look(context.WithoutCancel(ctx)) // what happened last is told, too
			return
		}
		f.look(ctx)
	}
}

// telling reports whether something may have changed. A rollback that a person asked for
// is first heard of when it is at work.
func telling(e pipeline.Event, deploy string) bool {
	switch e.Kind {
	case pipeline.EventBegan, pipeline.EventEnded, pipeline.EventReason, pipeline.EventRequest, pipeline.EventClaimed, pipeline.EventLost:
		return true
	}
	return e.Deploy != "" && e.Deploy != deploy
}

// follower is how a pipeline was when it was looked at last.
type follower struct {
	n *Notifier
	p pipeline.Pipeline

	known  bool
	last   string // the deploy that ended last
	holds  []lock.Hold
	stop   *pipeline.Stop
	alarm  string // the revision that is live and turned red
	broken bool
}

// look compares the pipeline with how it was, and tells the difference. The first look
// tells nothing.
func (f *follower) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	s, ended, err := f.read(ctx)
	if err != nil {
		f.n.c.Log.Warn("look at pipeline", "pipeline", f.p.Name(), "error", err)
		return
	}
	if f.known {
		f.tellStop(s)
		for _, d := range ended {
			f.tellEnd(d)
		}
		f.tellHolds(s)
		f.tellAlarm(s)
	} else {
		f.broken = wasBroken(s, ended)
	}
	f.known, f.holds, f.stop, f.alarm = true, s.Holds, s.Stop, alarm(s)
	if len(ended) > 0 {
		f.last = ended[len(ended)-1].ID
	}
}

// read reads what ended since the last look, oldest first, and then the status. What
// ends in between is told at the next look, after the stop that came with it.
func (f *follower) read(ctx context.Context) (s pipeline.Status, ended []pipeline.Deploy, err error) {
	for d, err := range f.p.Deploys(ctx, "") {
		if errors.Is(err, pipeline.ErrNoPipeline) {
			return s, nil, nil // the first deploy is yet to come
		}
		if err != nil {
			return s, nil, err
		}
		if d.ID == f.last || len(ended) == lookBack {
			break
		}
		ended = append(ended, d)
		if !f.known {
			break // what was before is not told
		}
	}
	slices.Reverse(ended)
	s, err = f.p.Status(ctx)
	return s, ended, err
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

// tell sends a message.
func (f *follower) tell(k Kind, m Message) {
	m.ID, m.Kind, m.Pipeline = rand.Text(), k, f.p.Name()
	if m.At.IsZero() {
		m.At = time.Now()
	}
	switch k {
	case Broke:
		f.broken = true
	case Fixed:
		f.broken = false
	}
	f.n.tell(m)
}
