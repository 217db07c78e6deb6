// Package bench measures muster beside what people do by hand and beside other tools:
// in one run, alternating, on the same machine and against the same servers.
//
//	bash .ci/setup
//	go test -tags integration -run '^$' -bench . -benchtime 1x -timeout 2h ./internal/bench
//
// The flag -pairs says how many pairs of builds are alternated.
package bench
