// Package buildtest helps to test what builds and what uses builds: artifacts in
// memory, a Builder and a Runner that play a script, and the conformance suites
// that a Builder and a Store of one's own should pass.
//
//	func TestMyBuilder(t *testing.T) {
//		buildtest.TestBuilder(t, buildtest.BuilderPlace{New: newMyBuilder, Tree: sampleApp})
//	}
package buildtest
