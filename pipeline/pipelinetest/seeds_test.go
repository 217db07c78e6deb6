//go:build !race

package pipelinetest_test

import "os"

// defaultSeeds is how many random histories a run of the tests simulates: in CI more
// than on somebody's own machine, who waits for it.
func defaultSeeds() int {
	if os.Getenv("CI") == "true" {
		return 2000
	}
	return 500
}
