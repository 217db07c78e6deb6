package lock

import (
	"context"
	"math/rand/v2"
	"time"
)

// moment is one instant on both clocks of this machine. The monotonic one does not
// jump, but stands still while a machine is suspended; the wall clock goes on, but
// may be set. Neither is ever compared with another machine's.
type moment struct {
	mono time.Time
	wall time.Time
}

// clock reads both clocks. Tests suspend the machine with one of their own.
type clock func() moment

// machine is the clock of this machine.
func machine() moment {
	now := time.Now()
	return moment{mono: now, wall: now.Round(0)}
}

// since returns the time that passed after an earlier moment, by the clock that
// says more: a holder errs on the side of having held for too long.
func (m moment) since(earlier moment) time.Duration {
	return max(m.mono.Sub(earlier.mono), m.wall.Sub(earlier.wall))
}

// sleep pauses for d, or until ctx ends; then it returns the cause of that.
func sleep(ctx context.Context, d time.Duration) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// jitter returns d, a fifth more or less, so that many waiters do not march in step.
func jitter(d time.Duration) time.Duration {
	return d*4/5 + rand.N(d*2/5+1)
}
