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
//	func TestConformance(t *testing.T) {
//		targettest.TestTarget(t, func(t targettest.TB) targettest.Place { ... })
//	}
package targettest
