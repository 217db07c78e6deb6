package contentiontest

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/locktest"
)

func TestNeverTwoHoldALeaseOfASoundStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lossy := locktest.Lossy(&lock.Memory{}, locktest.Losses{Lost: 0.1, Refused: 0.1, Late: 0.05, Delay: time.Second})
		Leases(t.Context(), t, []lock.Store{lossy}, 5)
	})
}

func TestTwoStoresThatDoNotKnowOfEachOtherAreFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &complaints{TB: t}
		Leases(t.Context(), c, []lock.Store{&lock.Memory{}, &lock.Memory{}}, 2)
		assert.True(t, c.failed)
	})
}
