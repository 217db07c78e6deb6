//go:build !linux

package build

// killMarked finds nothing: this system does not show the environment of others.
func killMarked(func(mark string) bool) int { return 0 }
