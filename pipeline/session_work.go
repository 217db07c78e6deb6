package pipeline

import (
	"context"
	"time"
)

// work is something that takes long: while it runs, the record is watched.
type work struct {
	open string // the id of what it works for; empty: for what is live
	// gentle work may go on for Config.Handover when the deployer is to leave.
	gentle bool
	limit  time.Duration
}

// do runs f under a context that ends when the record says that f is no longer
// wanted, when the lease is lost, and when the deployer is to leave.
func (s *session) do(w work, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(s.ctx)
	defer cancel(nil)
	if w.limit > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, w.limit)
		defer stop()
	}
	watched := make(chan struct{})
	go func() {
		defer close(watched)
		s.guard(ctx, w, cancel)
	}()
	err := f(ctx)
	cause := context.Cause(ctx)
	cancel(nil)
	<-watched
	if err != nil && (cause == errOvertaken || cause == errHandover) {
		return cause
	}
	return err
}

// guard cancels work that is no longer wanted.
func (s *session) guard(ctx context.Context, w work, cancel context.CancelCauseFunc) {
	leave := s.leave.Done()
	var late <-chan time.Time
	poll := time.NewTicker(s.e.c.Poll)
	defer poll.Stop()
	for {
		news := s.e.news.next()
		if r, err := s.load(); err == nil && !w.wanted(r) {
			cancel(errOvertaken)
			return
		}
		select {
		case <-news:
		case <-poll.C:
		case <-leave:
			leave = nil
			grace := time.Duration(0)
			if w.gentle {
				grace = s.e.c.Handover
			}
			timer := time.NewTimer(grace)
			defer timer.Stop()
			late = timer.C
		case <-late:
			cancel(errHandover)
			return
		case <-ctx.Done():
			return
		}
	}
}

// wanted reports whether the record still asks for the work.
func (w work) wanted(r Record) bool {
	if w.open == "" {
		return r.Open == nil || r.Open.Kind == KindDeploy
	}
	return r.Open != nil && r.Open.ID == w.open && r.Open.Abort == nil
}
