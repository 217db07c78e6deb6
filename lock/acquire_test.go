package lock

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func replace(s, old, with string) string { return strings.ReplaceAll(s, old, with) }

func TestAWaiterSeesAReleaseWithinASecondOrSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Memory{}
		first, err := Acquire(t.Context(), s, "lease", Options{Holder: "web-1 pid 4711", Duration: time.Minute})
		require.NoError(t, err)
		time.AfterFunc(10*time.Minute, func() { _ = first.Close(context.Background()) })
		var waiting []string
		o := Options{Duration: fifteen, Waiting: func(g Grant) { waiting = append(waiting, g.String()) }}
		began := time.Now()
		second, err := Acquire(t.Context(), s, "lease", o)
		require.NoError(t, err)
		defer second.Close(context.Background())
		assert.Less(t, time.Since(began), 10*time.Minute+1300*time.Millisecond)
		assert.Equal(t, []string{"held by web-1 pid 4711 since 2000-01-01 00:00:00 UTC (epoch 1)"}, waiting)
		g, err := Peek(t.Context(), s, "lease")
		require.NoError(t, err)
		assert.Empty(t, g.TakenFrom, "it was given, not taken")
	})
}

func TestAHolderThatRenewsIsNeverSucceeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Memory{}
		l, err := Acquire(t.Context(), s, "lease", Options{Duration: time.Second})
		require.NoError(t, err)
		defer l.Close(context.Background())
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err = Acquire(ctx, s, "lease", Options{Duration: time.Second})
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		assert.NoError(t, l.Context().Err())
	})
}

func TestAWaiterGoesByTheDurationOfTheHolderNotByItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Memory{}
		_, err := s.Swap(t.Context(), "lease", "", []byte(`{"epoch":7,"nonce":"n","holder":"dead","duration":60000000000}`))
		require.NoError(t, err)
		began := time.Now()
		l, err := Acquire(t.Context(), s, "lease", Options{Duration: time.Second})
		require.NoError(t, err)
		defer l.Close(context.Background())
		assert.Equal(t, 72*time.Second, time.Since(began), "at the first moment at which it may")
		assert.Equal(t, uint64(8), l.Epoch())
	})
}

func TestAcquireRecognisesItsOwnGrantWhenTheAnswerWasLost(t *testing.T) {
	for name, answer := range map[string]error{"unknown outcome": errLostAnswer, "reported as a conflict": ErrConflict} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spy{Store: &Memory{}}
				s.interfere(nil, once(func(_ context.Context, call string) error {
					if call == "swap" {
						return answer
					}
					return nil
				}))
				began := time.Now()
				l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
				require.NoError(t, err)
				defer l.Close(context.Background())
				assert.Less(t, time.Since(began), time.Second, "nobody waits for himself")
				assert.Equal(t, uint64(1), l.Epoch())
				assert.Equal(t, []string{"load", "swap", "load"}, s.reset())
			})
		})
	}
}

func TestAGrantFoundTooLateIsTakenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}}
		s.interfere(nil, once(losing("swap")))
		time.AfterFunc(time.Millisecond, func() {
			s.interfere(losing("load"), nil)
			time.AfterFunc(8*time.Second, func() { s.interfere(nil, nil) })
		})
		l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		defer l.Close(context.Background())
		assert.Equal(t, uint64(2), l.Epoch(), "the first grant was 8 s old when it was found")
		time.Sleep(time.Minute)
		assert.NoError(t, l.Context().Err())
	})
}

func TestAWaiterBearsAStoreThatFailsForAWhileButNotForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}}
		first, err := Acquire(t.Context(), s.Store, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		defer first.Close(context.Background())
		down := errors.New("store is down")
		fail := func(context.Context, string) error { return down }
		time.AfterFunc(time.Minute, func() { s.interfere(fail, nil) })
		time.AfterFunc(time.Minute+14*time.Second, func() { s.interfere(nil, nil) })
		time.AfterFunc(2*time.Minute, func() { s.interfere(fail, nil) })
		began := time.Now()
		_, err = Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
		assert.ErrorIs(t, err, down)
		assert.InDelta(t, 2*time.Minute+fifteen, time.Since(began), float64(2*time.Second))
	})
}

func TestAcquireReportsAtOnceWhatWaitingCannotMend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		down := errors.New("no such bucket")
		s := &spy{Store: &Memory{}, before: func(context.Context, string) error { return down }}
		_, err := Acquire(t.Context(), s, "lease", Options{})
		assert.ErrorIs(t, err, down, "a store that has never answered")

		_, err = Acquire(t.Context(), &Memory{}, "../lease", Options{Holder: "\n", Duration: -1})
		for _, complaint := range []string{`"../lease"`, "who holds it", "lasts -1ns"} {
			assert.ErrorContains(t, err, complaint)
		}
		assert.ErrorIs(t, err, ErrKey)
		_, err = Acquire(t.Context(), &Memory{}, "lease", Options{Holder: strings.Repeat("x", MaxName+1)})
		assert.ErrorContains(t, err, "201 bytes")
		assert.Zero(t, time.Since(began))
	})
}

func TestADamagedLeaseIsAnErrorAndIsNeverOverwritten(t *testing.T) {
	for _, document := range []string{
		"", "null", "{}", "[]", "x", `{"epoch":1,"nonce":"n","duration":15000000000`,
		`{"epoch":0,"nonce":"n","duration":15000000000}`,
		`{"epoch":-1,"nonce":"n","duration":15000000000}`,
		`{"epoch":18446744073709551615,"nonce":"n","duration":15000000000}`,
		`{"epoch":1,"nonce":"","duration":15000000000}`,
		`{"epoch":1,"nonce":"n","duration":0}`,
		`{"epoch":1,"nonce":"n","duration":9000000000000000000}`,
	} {
		s := &Memory{}
		v, err := s.Swap(t.Context(), "lease", "", []byte(document))
		require.NoError(t, err)
		_, err = Acquire(t.Context(), s, "lease", Options{})
		assert.ErrorIs(t, err, ErrDamaged, document)
		_, err = Peek(t.Context(), s, "lease")
		assert.ErrorIs(t, err, ErrDamaged, document)
		left, still, err := s.Load(t.Context(), "lease")
		require.NoError(t, err)
		assert.Equal(t, document, string(left))
		assert.Equal(t, v, still)
	}
}

func TestAnInterruptedAcquireGivesBackWhatItMayHaveBeenGranted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}}
		ctx, cancel := context.WithCancel(t.Context())
		s.interfere(nil, func(_ context.Context, call string) error {
			if call == "swap" {
				cancel() // Ctrl-C, after the write and before its answer
				return errLostAnswer
			}
			return nil
		})
		_, err := Acquire(ctx, s, "lease", Options{})
		assert.ErrorIs(t, err, context.Canceled)

		began := time.Now()
		l, err := Acquire(t.Context(), s.Store, "lease", Options{})
		require.NoError(t, err)
		defer l.Close(context.Background())
		assert.Zero(t, time.Since(began), "the next one need not wait")
	})
}

func TestTheDefaultHolderNamesThisProcess(t *testing.T) {
	o := Options{}.filled()
	assert.Regexp(t, `^.+ pid \d+$`, o.Holder)
	assert.NoError(t, o.validate())
}
