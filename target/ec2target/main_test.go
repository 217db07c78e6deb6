package ec2target_test

import (
	"os"
	"testing"

	"github.com/muster-deploy/muster/internal/processtest"
)

// A process of this test binary may be something else than its tests, as its environment
// says: an app, or a deployer.
const roleVariable = "MUSTER_EC2_ROLE"

var roles = map[string]func() int{}

func TestMain(m *testing.M) {
	if role := roles[os.Getenv(roleVariable)]; role != nil {
		os.Exit(role())
	}
	processtest.Main(m)
}
