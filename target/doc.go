// Package target says what a place where releases go live has to do: prepare a
// release without showing it, activate it, and say what is live.
package target
