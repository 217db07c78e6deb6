//go:build integration

package s3lock_test

import (
	"os"
	"testing"

	"github.com/muster-deploy/muster/internal/processtest"
)

// TestMain has more tests run at a time than there are processors: they wait for leases to
// run out.
func TestMain(m *testing.M) { os.Exit(processtest.Run(m)) }
