// Package targettest helps to test targets and what drives them: Memory, a target
// in memory with the semantics of a real one, and TestTarget, the conformance
// suite that every target.Target has to pass.
//
// Memory is the fake for tests of pipelines and fleets:
//
//	m := targettest.NewMemory("web", "a", "b", "c")
//	m.Batch = 1
//	m.Hook = func(ctx context.Context, p targettest.Point) error {
//		if p.Phase == targettest.Confirm && p.Unit == "b" {
//			return errors.New("answers 500") // b puts back what it served
//		}
//		return nil
//	}
//
// A target of your own is tested with
//
//	type place struct{ dir string }
//
//	func (p place) Open() (target.Target, error) { return New(p.dir) }
//
//	func TestConformance(t *testing.T) {
//		targettest.TestTarget(t, func(t targettest.TB) targettest.Place { return place{t.TempDir()} })
//	}
//
// The guide in examples/owntarget goes there from an empty file. A place that can do more
// than open (Crasher, Cutter, Drifter, Joiner, Publisher) is asked more. Where a real
// service stands behind the target, let the place be a double of it in memory, with
// polls and retries that wait for a millisecond: the suite makes some thousand calls.
//
// Complaints asks the same and fails nothing, for a target that is half written.
package targettest
