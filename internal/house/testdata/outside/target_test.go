package deployer

import (
	"testing"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// place is where the fake target stands.
type place struct{ *targettest.Memory }

func (p place) Open() (target.Target, error) { return p.Memory, nil }

// TestTarget runs the suite on a target.
func TestTarget(t *testing.T) {
	targettest.TestTarget(t, func(targettest.TB) targettest.Place {
		return place{targettest.NewMemory("web", "a", "b", "c")}
	})
}
