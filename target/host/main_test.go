package host_test

import (
	"os"
	"testing"

	"github.com/muster-deploy/muster/internal/ramdisk"
)

func TestMain(m *testing.M) {
	remove := ramdisk.Use()
	code := m.Run()
	remove()
	os.Exit(code)
}
