// Package crash holds the test that kills real deployers: a process that ships to
// real processes is ended with SIGKILL right before, and right after, each write of
// its record, and the next one has to finish what it began.
//
//	go test ./internal/crash              # some of the steps, others each time
//	CI=true go test ./internal/crash      # all of them
//
// There is nothing in it to import.
package crash
