package targettest

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
)

// Checks returns what the suite asks, as sentences, in the order in which it does.
func Checks() []string {
	var names []string
	for _, c := range checks {
		names = append(names, c.name)
	}
	return names
}

// Complaints asks everything that TestTarget asks, one check after the other, and fails
// nothing: it returns what it finds wrong, by the sentence that is not true. It is for
// targets that are half written, or wrong on purpose.
func Complaints(tb TB, fresh func(TB) Place) map[string][]string {
	all := map[string][]string{}
	for _, c := range checks {
		if found := c.complaints(tb, fresh); len(found) > 0 {
			all[c.name] = found
		}
	}
	return all
}

// complaints runs one check. A panic is one complaint.
func (c check) complaints(tb TB, fresh func(TB) Place) []string {
	r := &recorder{TB: tb}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				r.Errorf("panic: %v\n%s", p, debug.Stack())
			}
		}()
		c.run(r, fresh)
	})
	wg.Wait()
	return r.failures
}

// recorder is a TB that fails nothing but itself.
type recorder struct {
	TB
	mu       sync.Mutex
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Logf(string, ...any) {}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}
