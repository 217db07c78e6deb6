package budget_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target/ec2target/budget"
)

var errThrottled = &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}

func works(context.Context) error { return nil }

func TestABurstIsGrantedAtOnceAndTheRestInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &budget.Calls{PerSecond: 2, Burst: 10}
		start := time.Now()
		for range 10 {
			require.NoError(t, c.Do(t.Context(), works))
		}
		assert.Zero(t, time.Since(start))
		for range 10 {
			require.NoError(t, c.Do(t.Context(), works))
		}
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.EqualValues(t, 20, c.Made())

		time.Sleep(time.Hour)
		start = time.Now()
		for range 10 {
			require.NoError(t, c.Do(t.Context(), works))
		}
		assert.Zero(t, time.Since(start), "what was not used for an hour is a burst, no more")
		require.NoError(t, c.Do(t.Context(), works))
		assert.Equal(t, 500*time.Millisecond, time.Since(start))
	})
}

func TestThrottlingSlowsDownAllWhoShareTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &budget.Calls{PerSecond: 10, Burst: 1, Jitter: func() float64 { return 1 }}
		tries := 0
		require.NoError(t, c.Do(t.Context(), func(context.Context) error {
			if tries++; tries < 4 {
				return errThrottled
			}
			return nil
		}))
		assert.Equal(t, 4, tries)
		start := time.Now()
		for range 10 {
			require.NoError(t, c.Do(t.Context(), works))
		}
		slow := time.Since(start)
		assert.Greater(t, slow, 2*time.Second, "it is slower than ten a second for a while")
		for range 200 {
			require.NoError(t, c.Do(t.Context(), works))
		}
		start = time.Now()
		for range 10 {
			require.NoError(t, c.Do(t.Context(), works))
		}
		assert.Equal(t, time.Second, time.Since(start), "and back to speed")
	})
}

func TestOnlyWhatPassesIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &budget.Calls{Attempts: 3}
		tries := 0
		fail := func(err error) func(context.Context) error {
			tries = 0
			return func(context.Context) error { tries++; return err }
		}
		denied := &smithy.GenericAPIError{Code: "AccessDeniedException"}
		require.ErrorIs(t, c.Do(t.Context(), fail(denied)), denied)
		assert.Equal(t, 1, tries)
		require.ErrorIs(t, c.Do(t.Context(), fail(errThrottled)), errThrottled)
		assert.Equal(t, 3, tries)
		require.ErrorContains(t, c.Do(t.Context(), fail(errThrottled)), "tried 3 times")
	})
}

func TestAContextThatEndsIsObeyedWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("the lease is lost")
		c := &budget.Calls{PerSecond: 0.1, Burst: 1}
		require.NoError(t, c.Do(t.Context(), works))
		ctx, cancel := context.WithCancelCause(t.Context())
		go func() { time.Sleep(time.Second); cancel(why) }()
		start := time.Now()
		require.ErrorIs(t, c.Do(ctx, works), why)
		assert.Equal(t, time.Second, time.Since(start))
		require.ErrorIs(t, c.Do(ctx, works), why)
	})
}

// failing fails so many times.
func failing(times int, err error) func(context.Context) error {
	return func(context.Context) error {
		if times--; times >= 0 {
			return err
		}
		return nil
	}
}

func TestWhoSharesTheBudgetWaitsWithTheOneWhoWasThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &budget.Calls{PerSecond: 1000, Burst: 1000, Pause: 10 * time.Second, Jitter: func() float64 { return 1 }}
		start := time.Now()
		throttled := make(chan error, 1)
		go func() { throttled <- c.Do(t.Context(), failing(1, errThrottled)) }()
		time.Sleep(time.Second)
		require.NoError(t, c.Do(t.Context(), works))
		assert.InDelta(t, 10, time.Since(start).Seconds(), 0.1)
		require.NoError(t, <-throttled)
	})
}

func TestPausesGrowAndAreSpread(t *testing.T) {
	passes := &smithy.GenericAPIError{Code: "RequestTimeout"}
	for jitter, want := range map[float64]time.Duration{1: 1400 * time.Millisecond, 0: 700 * time.Millisecond} {
		synctest.Test(t, func(t *testing.T) {
			c := &budget.Calls{Jitter: func() float64 { return jitter }}
			start := time.Now()
			require.NoError(t, c.Do(t.Context(), failing(3, passes)))
			assert.Equal(t, want, time.Since(start), "0.2 + 0.4 + 0.8 s, or half of it")
		})
	}
}

func TestItIsNeverSlowerThanAnEighth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &budget.Calls{PerSecond: 10, Burst: 1, Attempts: 50}
		require.NoError(t, c.Do(t.Context(), failing(40, errThrottled)))
		start := time.Now()
		require.NoError(t, c.Do(t.Context(), works))
		require.NoError(t, c.Do(t.Context(), works))
		assert.LessOrEqual(t, time.Since(start), 1600*time.Millisecond)
	})
}

func TestEachAttemptIsPaidFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &budget.Calls{PerSecond: 1, Burst: 1, Pause: time.Nanosecond}
		start := time.Now()
		require.NoError(t, c.Do(t.Context(), failing(3, &smithy.GenericAPIError{Code: "RequestTimeout"})))
		assert.EqualValues(t, 4, c.Made())
		assert.Equal(t, 3*time.Second, time.Since(start))
	})
}
