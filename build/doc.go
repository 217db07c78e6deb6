// Package build turns revisions into artifacts: trees that are ready to run, named
// by what is in them.
package build
