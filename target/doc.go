// Package target says what a place where releases go live has to do: prepare a
// release without showing it, activate it, and say what is live.
//
// A pipeline drives a Target with orders:
//
//	o := target.Order{Release: r, Number: 42, Intent: target.Forward, Begin: ask}
//	err := t.Prepare(ctx, o, artifact) // nothing is visible so far
//	o.Number++
//	err = t.Activate(ctx, o)           // live, or an error that says where
//	o.Number++
//	state, err := t.Observe(ctx, o)    // what is, read back; older orders are refused now
//
// A rollback is Activate of an older release that is still prepared. Convergence is
// Prepare and Activate of the live one again.
//
// Units refuse orders with a lower number than they have seen, so that a deployer
// that was paused, or a command that was delayed, changes nothing when it wakes up.
//
// The example shows a target of one's own in a page; the guide "Write your own target", in
// examples/owntarget, goes there step by step. The package targettest tests it.
package target
