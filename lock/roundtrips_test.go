package lock

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFreeLeaseCostsTwoRoundTripsARenewalOneAReleaseOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &spy{Store: &Memory{}}
		for range 2 { // never granted, and released
			s.reset()
			l, err := Acquire(t.Context(), s, "lease", Options{Duration: 15 * time.Second})
			require.NoError(t, err)
			assert.Equal(t, []string{"load", "swap"}, s.reset(), "acquire")

			time.Sleep(5*time.Second + time.Millisecond)
			synctest.Wait()
			assert.Equal(t, []string{"swap"}, s.reset(), "first renewal")
			time.Sleep(55 * time.Second)
			synctest.Wait()
			assert.Len(t, s.reset(), 11, "renewals in 55 s")

			require.NoError(t, l.Close(t.Context()))
			assert.Equal(t, []string{"swap"}, s.reset(), "release")
			require.NoError(t, l.Close(t.Context()))
			assert.Empty(t, s.reset(), "second release")
		}
	})
}

func BenchmarkFreeLease(b *testing.B) {
	s := &spy{Store: &Memory{}}
	trips := 0
	for b.Loop() {
		l, err := Acquire(context.Background(), s, "lease", Options{Holder: "bench"})
		if err != nil {
			b.Fatal(err)
		}
		trips += len(s.reset())
		if err := l.Close(context.Background()); err != nil {
			b.Fatal(err)
		}
		s.reset()
	}
	b.ReportMetric(float64(trips)/float64(b.N), "round-trips/op")
}
