// Package processtest is for packages whose tests start processes and wait for them.
package processtest

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"github.com/muster-deploy/muster/internal/ramdisk"
)

// atOnce is how many tests run at a time. They wait more than they compute: as many as
// there are processors would leave those idle.
const atOnce = 8

// Main runs a package's tests and ends the process: it is the end of a TestMain. Tests that
// say t.Parallel run eight at a time, unless -parallel says how many, with their temporary
// files in memory.
func Main(m *testing.M) {
	remove := ramdisk.Use()
	code := Run(m)
	remove()
	os.Exit(code)
}

// Run is Main for tests whose temporary files stay on the disk, as those of servers that
// ask more of a file system than one in memory can do. It returns the exit code.
func Run(m *testing.M) (code int) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce))
	}
	return m.Run()
}
