// Package lock holds what the deployers of one pipeline agree on: a Store of small
// documents changed by compare-and-swap, a Lease that lets one deployer act at a
// time, and the Hold with which a person stops a pipeline.
package lock
