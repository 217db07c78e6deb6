// Package witness looks at a pipeline whenever something may have changed, for those who
// tell what did: it is what notifiers and metrics stand on.
package witness

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

// Bounds of looking.
const (
	lookTime = 10 * time.Second
	lookBack = 100 // deploys that ended since the last look
)

// Look is a pipeline as it is.
type Look struct {
	Status pipeline.Status
	// Ended are the deploys that ended since the last look, oldest first; in the first
	// look, the last one that had ended before.
	Ended []pipeline.Deploy
	// First says that this is the first look.
	First bool
	// Acting says that the deployer whose events are followed is the one that acts: of
	// several that share a pipeline, one tells. It is always set where nobody's events
	// are followed.
	Acting bool
}

// Config says how a pipeline is followed.
type Config struct {
	Pipeline pipeline.Pipeline
	// Events say when to look; they end it. Nil: ctx does.
	Events iter.Seq[pipeline.Event]
	// Every is how often to look without an event.
	Every time.Duration
	// See is called with each look, by one goroutine. Trouble is called when a look
	// fails; what was missed is in the next one.
	See     func(ctx context.Context, l Look)
	Trouble func(err error)
	// Lost is told how many events were missed. Nil: nobody.
	Lost func(n int)
}

// Follow looks at once, at every event that says that something may have changed, and
// once more when the events have ended.
func Follow(ctx context.Context, c Config) {
	w := &witness{Config: c}
	w.look(ctx)
	news, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		w.listen(ctx, news)
	}()
	tick := time.NewTicker(c.Every)
	defer tick.Stop()
	for {
		select {
		case <-news:
		case <-tick.C:
		case <-ended:
			w.look(context.WithoutCancel(ctx)) // what happened last is seen, too
			return
		}
		w.look(ctx)
	}
}

// witness is how a pipeline was when it was looked at last.
type witness struct {
	Config
	claims atomic.Pointer[claim] // the last one of the deployer that is followed

	known   bool
	last    string            // the deploy that ended last
	claimed *claim            // at the last look
	epoch   uint64            // of the last claim
	unacted []pipeline.Deploy // that ended before this deployer was known to act
}

// claim is when a deployer took the pipeline over.
type claim struct{ at time.Time }

// listen puts a token into news when an event says to look.
func (w *witness) listen(ctx context.Context, news chan<- struct{}) {
	if w.Events == nil {
		<-ctx.Done()
		return
	}
	deploy := ""
	for e := range w.Events {
		if w.claiming(e) {
			w.claims.Store(&claim{e.At})
		}
		if e.Kind == pipeline.EventLost && w.Lost != nil {
			w.Lost(e.Lost)
		}
		if !telling(e, deploy) {
			continue
		}
		deploy = e.Deploy
		select {
		case news <- struct{}{}:
		default:
		}
	}
}

// claiming reports whether an event says that the deployer that is followed acts: its
// claim, or news of a deploy, where the claim came before anybody listened.
func (w *witness) claiming(e pipeline.Event) bool {
	switch e.Kind {
	case pipeline.EventClaimed, pipeline.EventLost: // it may have been among what was lost
		return true
	}
	return e.Deploy != "" && w.claims.Load() == nil
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

// look reads the pipeline and shows what it sees.
func (w *witness) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookTime)
	defer cancel()
	claimed := w.claims.Load()
	l := Look{First: !w.known}
	var err error
	if l.Ended, err = w.ended(ctx); err == nil {
		// What ends in between is seen at the next look, after the stop that came with it.
		l.Status, err = w.Pipeline.Status(ctx)
	}
	if err != nil && !errors.Is(err, pipeline.ErrNoPipeline) { // else the first deploy is yet to come
		w.Trouble(err)
		return
	}
	w.known = true
	if n := len(l.Ended); n > 0 {
		w.last = l.Ended[n-1].ID
	}
	news := claimed != w.claimed
	if news {
		w.claimed, w.epoch = claimed, l.Status.Epoch
	}
	l.Acting = w.Events == nil || claimed != nil && l.Status.Epoch == w.epoch
	if !l.First {
		l.Ended = w.own(l.Ended, l.Acting, news)
	}
	w.See(ctx, l)
}

// own adds to what ended what this deployer did before it was known to act: events are
// read later than they happen.
func (w *witness) own(ended []pipeline.Deploy, acting, claimed bool) []pipeline.Deploy {
	if !acting {
		w.unacted = append(w.unacted, ended...)
		w.unacted = w.unacted[max(0, len(w.unacted)-lookBack):]
		return ended
	}
	before := w.unacted
	w.unacted = nil
	if !claimed || w.claimed == nil {
		return ended
	}
	before = slices.DeleteFunc(before, func(d pipeline.Deploy) bool { return d.Ended.Before(w.claimed.at) })
	return append(before, ended...)
}

// ended are the deploys that ended since the last look, oldest first.
func (w *witness) ended(ctx context.Context) (since []pipeline.Deploy, err error) {
	for d, err := range w.Pipeline.Deploys(ctx, "") {
		if err != nil {
			return nil, err
		}
		if d.ID == w.last || len(since) == lookBack {
			break
		}
		since = append(since, d)
		if !w.known {
			break // what was before is not news
		}
	}
	slices.Reverse(since)
	return since, nil
}
