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

// A renewal takes effect as soon as it is sent, and others count from there: so must
// the holder, however late it learns of it. Each script lets it learn late and then
// cuts it off.
func TestLaw09_AHolderCountsFromBeforeItsRequestHoweverLateTheAnswer(t *testing.T) {
	down := errors.New("store is down")
	for name, script := range map[string]func(s *spy){
		"the answer is slow": func(s *spy) {
			s.interfere(nil, func(_ context.Context, call string) error {
				time.Sleep(4 * time.Second)
				s.interfere(losingAll(down), nil)
				return nil
			})
		},
		"the answer is lost, and what was written is read back": func(s *spy) {
			s.interfere(nil, func(_ context.Context, call string) error {
				if call == "swap" {
					time.Sleep(4 * time.Second)
					return down
				}
				s.interfere(losingAll(down), nil)
				return nil
			})
		},
		"the answer and the reading are lost, and the next try is a conflict": func(s *spy) {
			tries := 0
			s.interfere(nil, func(_ context.Context, call string) error {
				switch tries++; tries {
				case 1: // The renewal is written.
					time.Sleep(4 * time.Second)
					return down
				case 2: // The document is read back.
					return down
				case 3: // The renewal is refused: it was written.
					return nil
				default:
					s.interfere(losingAll(down), nil)
					return nil
				}
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &spy{Store: &Memory{}}
				began := time.Now()
				l, err := Acquire(t.Context(), s, "lease", Options{Duration: fifteen})
				require.NoError(t, err)
				script(s)
				<-l.Context().Done()
				assert.Equal(t, 5*time.Second+fifteen, time.Since(began), "5 s to the renewal, and 15 s from there")
				assert.ErrorIs(t, context.Cause(l.Context()), down, "the cause says why")
				_ = l.Close(t.Context())
			})
		})
	}
}

// losingAll returns a function that fails every call with err.
func losingAll(err error) func(context.Context, string) error {
	return func(context.Context, string) error { return err }
}
