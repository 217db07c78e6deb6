//go:build !race

package pipelinetest_test

// defaultSeeds is how many random histories a run of the tests simulates.
const defaultSeeds = 2000
