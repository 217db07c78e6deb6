package build_test

import "runtime"

// allocated returns how many bytes were ever allocated: more than were in use.
func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}
