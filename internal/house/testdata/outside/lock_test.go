package deployer

import (
	"testing"

	"github.com/muster-deploy/muster/lock/locktest"
)

// TestDocuments runs the suite on a store.
func TestDocuments(t *testing.T) {
	memory := func(testing.TB) locktest.Place { return locktest.Memory() }
	locktest.TestStore(t, memory, locktest.Options{InMemory: true})
}
