package dashboard

import (
	"context"
	"slices"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

const (
	// days is how many days the chart shows, today included.
	days = 28
	// countEvery is how often the history is looked at when nothing seems to have
	// happened: a deploy that failed between two looks leaves no other trace.
	countEvery = time.Minute
)

// tally is what was counted of a pipeline's history.
type tally struct {
	at   time.Time // zero: never
	mark mark      // of the status for which it was counted
}

// mark is what changes in a status when a deploy has ended.
type mark struct {
	live, open, stop, wanted string
	number                   uint64
	parked                   int
}

func markOf(s pipeline.Status) mark {
	m := mark{number: s.Number, parked: len(s.Parked)}
	if s.Live != nil {
		m.live = s.Live.ID
	}
	if s.Open != nil {
		m.open = s.Open.ID
	}
	if s.Stop != nil {
		m.stop = s.Stop.ID
	}
	if s.Wanted != nil {
		m.wanted = s.Wanted.ID
	}
	return m
}

// count reads the part of the history that is not known, where there may be some. One
// pipeline after the other does, so that pages do not wait for it.
func (l *lane) count(ctx context.Context) {
	select {
	case l.turn <- struct{}{}:
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return
	}
	l.reading.Lock()
	defer l.reading.Unlock()
	v := l.now()
	if v.read.IsZero() || v.err != nil {
		return
	}
	m := markOf(v.status)
	if m == l.recent.mark && time.Since(l.recent.at) < countEvery {
		return
	}
	fresh, err := l.newer(ctx, v.recent)
	if err != nil {
		return // the next look tries again; the status says what is wrong
	}
	l.recent = tally{at: time.Now(), mark: m}
	oldest := time.Now().AddDate(0, 0, -days-1)
	recent := slices.Concat(fresh, v.recent)
	if i := slices.IndexFunc(recent, func(d pipeline.Deploy) bool { return d.Ended.Before(oldest) }); i >= 0 {
		recent = recent[:i]
	}
	if len(fresh) > 0 || !v.counted {
		counts := perDay(recent, l.zone)
		l.publish(func(v *view) { v.recent, v.perDay, v.counted = recent, counts, true; v.tallied++ })
	}
}

// newer returns the deploys that are newer than those that are known, of the last days.
func (l *lane) newer(ctx context.Context, known []pipeline.Deploy) ([]pipeline.Deploy, error) {
	ctx, cancel := context.WithTimeout(ctx, 6*readTime)
	defer cancel()
	oldest := time.Now().AddDate(0, 0, -days-1)
	var fresh []pipeline.Deploy
	for d, err := range l.desk.Deploys(ctx, "") {
		if err != nil && ctx.Err() == nil && l.now().status.Epoch == 0 {
			return nil, nil // nothing was ever recorded
		}
		if err != nil {
			return nil, err
		}
		if d.Ended.Before(oldest) || len(known) > 0 && d.ID == known[0].ID {
			break
		}
		d.Batch, d.Failed = d.Batch[:min(len(d.Batch), 1):min(len(d.Batch), 1)], nil // the history page reads them
		fresh = append(fresh, d)
	}
	return fresh, nil
}
