//go:build race

package pipelinetest_test

// defaultSeeds is how many random histories a run under the race detector
// simulates: each takes several times as long.
func defaultSeeds() int { return 300 }
