// Package bench measures muster beside what people do by hand and beside other tools:
// in one run, alternating, on the same machine and against the same servers.
//
//	bash .ci/setup
//	go test -tags integration -run '^$' -bench . -benchtime 1x -timeout 2h ./internal/bench
//
// The other tools are put in place by "bash .ci/peers". How many pairs of builds are
// alternated is said by "-args -pairs 3" at the end, and by -host-rounds how often releases
// go to hosts.
package bench
