// Package crash holds the test that kills real deployers: a process that ships to
// real processes is ended with SIGKILL right before, and right after, each write of
// its record, in a deploy and in its rollback, and the next one has to finish what it
// began. A balancer stands before the hosts and is asked all the time: no request may
// fail, and no host is taken out while too few others serve.
//
//	go test ./internal/crash              # two of the steps, others each time
//	CI=true go test ./internal/crash      # all of them
//
// There is nothing in it to import.
package crash
