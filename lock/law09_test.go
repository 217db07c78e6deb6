package lock

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const fifteen = 15 * time.Second

// TestLaw09_ALeaseEndsAMarginBeforeAnybodyElseGetsIt cuts a holder off from the store
// in several ways, at any time of its life.
func TestLaw09_ALeaseEndsAMarginBeforeAnybodyElseGetsIt(t *testing.T) {
	down := errors.New("store is down")
	for name, cut := range map[string]func(ctx context.Context, call string) error{
		"every request fails":                func(context.Context, string) error { return down },
		"every request hangs until it ends":  func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() },
		"every request hangs and never ends": func(context.Context, string) error { time.Sleep(time.Hour); return down },
	} {
		for _, age := range []time.Duration{0, time.Second, 5 * time.Second, 5*time.Second + 1, 29 * time.Second} {
			t.Run(name+" after "+age.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { loseLease(t, age, cut, nil) })
			})
			t.Run("answers are lost, and "+name+" after "+age.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { loseLease(t, age, nil, cut) })
			})
		}
	}
}

// loseLease cuts a holder off and checks that its context ends at least a margin
// before a waiter, who sees the store all the time, is granted the lease.
func loseLease(t *testing.T, age time.Duration, before, after func(context.Context, string) error) {
	memory := &Memory{}
	s := &spy{Store: memory}
	first, err := Acquire(t.Context(), s, "lease", Options{Holder: "web-1 pid 1", Duration: fifteen})
	require.NoError(t, err)
	var waited []Grant
	var granted time.Time
	var second *Lease
	var wg sync.WaitGroup
	wg.Go(func() {
		o := Options{Holder: "web-2 pid 2", Duration: fifteen, Waiting: func(g Grant) { waited = append(waited, g) }}
		second, err = Acquire(t.Context(), memory, "lease", o)
		granted = time.Now()
	})
	time.Sleep(age)
	s.interfere(before, after)
	cutOff := time.Now()
	<-first.Context().Done()
	lost := time.Now()
	wg.Wait()
	require.NoError(t, err)
	defer second.Close(context.Background())

	assert.ErrorIs(t, context.Cause(first.Context()), ErrLost)
	assert.LessOrEqual(t, lost.Sub(cutOff), fifteen, "the holder ends within the duration")
	assert.GreaterOrEqual(t, granted.Sub(lost), 3*time.Second, "and a margin before the next")
	assert.LessOrEqual(t, granted.Sub(cutOff), fifteen+3*time.Second+fifteen/3+2*time.Second, "which does not wait much longer")
	assert.Equal(t, uint64(2), second.Epoch())
	g, err := Peek(t.Context(), memory, "lease")
	require.NoError(t, err)
	assert.Equal(t, "web-1 pid 1", g.TakenFrom)
	require.Len(t, waited, 1, "told once per grant")
	assert.Equal(t, "web-1 pid 1", waited[0].Holder)
	s.interfere(nil, nil)
	assert.NoError(t, first.Close(t.Context()), "the loser may still close")
	assert.NoError(t, second.Context().Err(), "and does the winner no harm")
}

func TestLaw09_AMachineThatWasSuspendedLosesItsLeaseWhenItWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var slept time.Duration // how far the wall clock went on without the monotonic one
		var mu sync.Mutex
		suspended := func() moment {
			mu.Lock()
			defer mu.Unlock()
			m := machine()
			m.wall = m.wall.Add(slept)
			return m
		}
		s := &spy{Store: &Memory{}}
		l, err := acquire(t.Context(), s, "lease", Options{Duration: fifteen}, suspended)
		require.NoError(t, err)
		defer l.Close(context.Background())
		time.Sleep(2 * time.Second)

		mu.Lock()
		slept = 13 * time.Second
		mu.Unlock()
		time.Sleep(fifteen / 10)
		synctest.Wait()
		assert.ErrorIs(t, context.Cause(l.Context()), ErrLost, "15 s on the wall, 2 s on the monotonic clock")
	})
}

func TestLaw09_AWallClockThatIsSetDoesNotHastenATakeover(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := &Memory{}
		first, err := Acquire(t.Context(), memory, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		defer first.Close(context.Background())

		year := func() moment {
			m := machine()
			m.wall = m.wall.AddDate(1, 0, time.Now().Second())
			return m
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = acquire(ctx, memory, "lease", Options{Duration: fifteen}, year)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NoError(t, first.Context().Err())
	})
}
