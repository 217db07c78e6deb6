package lock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var errLostAnswer = errors.New("answer lost")

// losing returns a function that loses the answers of one kind of call.
func losing(call string) func(context.Context, string) error {
	return func(_ context.Context, c string) error {
		if c == call {
			return errLostAnswer
		}
		return nil
	}
}

// once returns f for its first call that f objects to, and nothing afterwards.
func once(f func(context.Context, string) error) func(context.Context, string) error {
	done := false
	return func(ctx context.Context, call string) error {
		if done {
			return nil
		}
		err := f(ctx, call)
		done = err != nil
		return err
	}
}

func TestTheContextOfALeaseOutlivesTheContextOfAcquire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		ctx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
		l, err := Acquire(ctx, &Memory{}, "lease", Options{})
		require.NoError(t, err)
		cancel()
		time.Sleep(time.Hour)
		assert.NoError(t, l.Context().Err())
		assert.Nil(t, l.Context().Value(key{}))

		require.NoError(t, l.Close(context.Background()))
		assert.Equal(t, context.Canceled, context.Cause(l.Context()), "closing is no loss")
	})
}

func TestReleaseLeavesATombstoneAndTheEpochGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Memory{}
		_, err := Peek(t.Context(), s, "lease")
		assert.ErrorIs(t, err, ErrNotFound)
		nonces := map[string]bool{}
		for epoch := uint64(1); epoch <= 5; epoch++ {
			l, err := Acquire(t.Context(), s, "lease", Options{Holder: "me", Duration: fifteen})
			require.NoError(t, err)
			assert.Equal(t, epoch, l.Epoch())
			g, err := Peek(t.Context(), s, "lease")
			require.NoError(t, err)
			assert.Equal(t, Grant{Epoch: epoch, Nonce: g.Nonce, Holder: "me", Since: time.Now().UTC(), Duration: fifteen}, g)
			nonces[g.Nonce] = true

			require.NoError(t, l.Close(t.Context()))
			g, err = Peek(t.Context(), s, "lease")
			require.NoError(t, err)
			assert.True(t, g.Released)
			assert.Equal(t, epoch, g.Epoch)
			time.Sleep(time.Second)
		}
		assert.Len(t, nonces, 5, "one nonce per grant")
	})
}

func TestALeaseOutlivesRenewalsThatFailOrLoseTheirAnswers(t *testing.T) {
	for name, interfere := range map[string]struct {
		before, after func(context.Context, string) error
	}{
		"one request fails":  {before: once(losing("swap"))},
		"one answer is lost": {after: once(losing("swap"))},
		"the answer and the reading are lost": {after: func() func(context.Context, string) error {
			s, l := once(losing("swap")), once(losing("load"))
			return func(c context.Context, call string) error { return errors.Join(s(c, call), l(c, call)) }
		}()},
		"a written renewal is a conflict": {after: once(func(_ context.Context, call string) error {
			if call == "swap" {
				return ErrConflict
			}
			return nil
		})},
		"every answer to a renewal is lost": {after: losing("swap")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spy{Store: &Memory{}}
				l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
				require.NoError(t, err)
				s.interfere(interfere.before, interfere.after)
				time.Sleep(10 * time.Minute)
				require.NoError(t, l.Context().Err())
				require.NoError(t, l.Close(t.Context()), "the release finds out what became of it")
				g, err := Peek(t.Context(), s.Store, "lease")
				require.NoError(t, err)
				assert.True(t, g.Released)
			})
		})
	}
}

func TestALeaseThatIsSomebodyElsesEndsAsSoonAsItsHolderSeesThat(t *testing.T) {
	for name, steal := range map[string]struct {
		document, says string
	}{
		"granted to another":         {`{"epoch":9,"nonce":"other","holder":"web-9 pid 9","duration":15000000000}`, "web-9 pid 9"},
		"released by another's hand": {`{"epoch":1,"nonce":"NONCE","released":true,"duration":15000000000}`, "released by somebody else"},
		"overwritten with rubbish":   {`{"epoch":`, "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Memory{}
				l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
				require.NoError(t, err)
				data, v, err := s.Load(t.Context(), "lease")
				require.NoError(t, err)
				g, err := parseGrant(data)
				require.NoError(t, err)
				document := []byte(replace(steal.document, "NONCE", g.Nonce))
				_, err = s.Swap(t.Context(), "lease", v, document)
				require.NoError(t, err)

				<-l.Context().Done()
				assert.ErrorIs(t, context.Cause(l.Context()), ErrLost)
				assert.ErrorContains(t, context.Cause(l.Context()), steal.says)
				_ = l.Close(t.Context())
				left, _, err := s.Load(t.Context(), "lease")
				require.NoError(t, err)
				assert.Equal(t, string(document), string(left), "and it leaves the document alone")
			})
		})
	}
}

func TestClosingALeaseThatWasLostLeavesTheNextHolderAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		memory := &Memory{}
		s := &spy{Store: memory}
		first, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		s.interfere(losing("swap"), nil)
		second, err := Acquire(t.Context(), memory, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		s.interfere(nil, nil)

		require.NoError(t, first.Close(t.Context()))
		require.NoError(t, first.Close(t.Context()))
		time.Sleep(time.Minute)
		assert.NoError(t, second.Context().Err())
		require.NoError(t, second.Close(t.Context()))
	})
}

func TestCloseIsTriedAgainAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}}
		l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		down := errors.New("store is down")
		s.interfere(func(context.Context, string) error { return down }, nil)
		assert.ErrorIs(t, l.Close(t.Context()), down)
		assert.Error(t, l.Context().Err(), "work ends all the same")
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, l.Close(ended), context.Canceled)

		s.interfere(nil, nil)
		require.NoError(t, l.Close(t.Context()))
		g, err := Peek(t.Context(), s, "lease")
		require.NoError(t, err)
		assert.True(t, g.Released)
	})
}

func TestCloseDoesNotWaitLongerThanItsContextForAStoreThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}}
		l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
		require.NoError(t, err)
		s.interfere(func(context.Context, string) error { time.Sleep(time.Hour); return errLostAnswer }, nil)
		time.Sleep(6 * time.Second) // a renewal hangs
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, l.Close(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Second, time.Since(began))

		s.interfere(nil, nil)
		require.NoError(t, l.Close(t.Context()))
	})
}

func TestManyMayCloseALeaseAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}, after: once(losing("swap"))}
		s.interfere(nil, nil)
		l, err := Acquire(t.Context(), s, "lease", Options{})
		require.NoError(t, err)
		s.reset()
		errs := make(chan error)
		for range 8 {
			go func() { errs <- l.Close(t.Context()) }()
		}
		for range 8 {
			assert.NoError(t, <-errs)
		}
		assert.Equal(t, []string{"swap"}, s.reset())
	})
}
