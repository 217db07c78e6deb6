package fleet_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/targettest"
)

// TestAHostThatFailsItsCheckStaysOutWhenTheOrderIsGivenAgain plays the deployer that
// dies between switching a canary and finding out that it is broken.
func TestAHostThatFailsItsCheckStaysOutWhenTheOrderIsGivenAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPark("a", "b", "c")
		f := p.fleet(t, func(c *fleet.Config) {
			c.Canary, c.Interval = 1, time.Second
			c.Check = func(_ context.Context, h fleet.Host, digest string) error {
				if h.Name == "a" && digest == targettest.Artifact(2).Digest {
					return errBad
				}
				return nil
			}
		})
		ship(t, f)
		for number := range uint64(2) {
			require.ErrorIs(t, f.Activate(t.Context(), order(2+number, 2, target.Forward)), errBad)
			assert.Equal(t, map[string]int{"a": 2, "b": 1, "c": 1}, p.live())
			assert.Equal(t, map[string]bool{"a": true}, p.out)
		}
	})
}
