package s3lock

import (
	"testing"
	"testing/synctest"

	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/internal/contentiontest"
	"github.com/muster-deploy/muster/lock"
)

func TestSixteenContendersOverABadNetworkAreToldTheTruth(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			b := &s3test.Bucket{}
			stores := []lock.Store{open(t, b), open(t, b), open(t, b), open(t, b)}
			b.Break(bad(seed))
			unanswered := contentiontest.Run(t.Context(), t, stores, 2000)
			t.Logf("seed %d: %d writes without an answer", seed, unanswered)
		})
	}
}

func TestNeverTwoHoldALeaseOverABadNetwork(t *testing.T) {
	for seed := range uint64(3) {
		synctest.Test(t, func(t *testing.T) {
			b := &s3test.Bucket{}
			stores := []lock.Store{open(t, b), open(t, b), open(t, b), open(t, b)}
			b.Break(bad(seed))
			contentiontest.Leases(t.Context(), t, stores, 5)
		})
	}
}
