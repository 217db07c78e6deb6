package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// errRed says that CI took its verdict back.
var errRed = errors.New("pipeline: CI's verdict turned red")

// pausedError says that a person's hold forbids the next step.
type pausedError struct{ hold lock.Hold }

// Error says who holds.
func (e *pausedError) Error() string { return "paused: " + e.hold.String() }

// permit makes a swap that begins something irreversible. A hold, a stop, an abort
// or a verdict that turned red prevents it. The record is loaded first, then the
// holds of wider scope, so that what returned before is seen.
func (s *session) permit(ctx context.Context, id string, change func(*Record) error) error {
	_, err := s.swap(func(r *Record) error {
		if s.leave.Err() != nil {
			return errHandover
		}
		if r.Open == nil || r.Open.ID != id {
			return errOvertaken
		}
		deploy := r.Open.Kind == KindDeploy
		if deploy && (r.Stop != nil || r.Open.Abort != nil) {
			return errOvertaken
		}
		if err := s.held(ctx, r, !deploy, r.Open.Override.Holds); err != nil {
			return err
		}
		if deploy && s.red(r.Open) {
			return errRed
		}
		return change(r)
	})
	return err
}

// held returns a pausedError when a person's hold is in the way: any hold for a
// deploy, one on everything for what only that stops.
func (s *session) held(ctx context.Context, r *Record, onlyEverything bool, past []string) error {
	wide, _, err := loadWideHolds(ctx, s.e.store)
	if err != nil {
		return err
	}
	holds := pausing(covering(append(wide.Holds, r.Holds...), r.Name))
	if onlyEverything {
		holds = everything(holds)
	}
	if hold := blocking(holds, time.Now(), past); hold != nil {
		return &pausedError{hold: *hold}
	}
	return nil
}

// red reports whether CI took its verdict back.
func (s *session) red(o *Attempt) bool {
	return !o.Override.Unjudged && s.e.verdict.one(s.ctx, s.e.c.CI, o.To.Revision) == Failed
}

// pausedOr waits while a hold pauses the deploy, and judges any other error.
func (s *session) pausedOr(id, what string, err error) (rest, error) {
	var p *pausedError
	if !errors.As(err, &p) {
		return s.failed(id, what, err)
	}
	reason := sayHeld(p.hold)
	reason.Deploy, reason.Sentence = id, fmt.Sprintf("%s is paused, %s", id, reason.Sentence)
	return rest{wait: s.until(p.hold.Until), settled: true}, s.wait(reason)
}
