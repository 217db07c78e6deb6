// Package owntarget is the guide "Write your own target": its text is README.md beside this
// file, and each of its steps is a package beneath that compiles. Tests hold the text to
// the code, and to what the suite in targettest says of it.
package owntarget
