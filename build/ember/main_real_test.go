//go:build integration

package ember_test

import (
	"os"
	"testing"

	"github.com/muster-deploy/muster/internal/ramdisk"
)

// TestMain keeps what is installed, four times 300 MB and what is cached of it, in
// memory where there is plenty.
func TestMain(m *testing.M) {
	remove := ramdisk.UseIf(8 << 30)
	code := m.Run()
	remove()
	os.Exit(code)
}
