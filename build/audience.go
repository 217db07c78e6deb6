package build

import (
	"io"
	"slices"
	"sync"
)

// audience is a writer that hands on to many.
type audience struct {
	mu    sync.Mutex
	seats []*seat
}

// seat is one of the many. Two may have the same writer.
type seat struct{ io.Writer }

// Write never fails: a log that cannot be written is no reason to fail a build.
func (a *audience) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, s := range a.seats {
		s.Write(p)
	}
	return len(p), nil
}

func (a *audience) add(w io.Writer) *seat {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := &seat{w}
	a.seats = append(a.seats, s)
	return s
}

// remove takes a seat away. Its writer is not used any more when remove has
// returned.
func (a *audience) remove(s *seat) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if i := slices.Index(a.seats, s); i >= 0 {
		a.seats = slices.Delete(a.seats, i, i+1)
	}
}
