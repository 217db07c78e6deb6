//go:build !integration

package rails_test

import (
	"testing"

	"github.com/muster-deploy/muster/internal/processtest"
)

func TestMain(m *testing.M) { processtest.Main(m) }
