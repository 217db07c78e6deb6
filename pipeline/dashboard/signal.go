package dashboard

import "sync"

// signal wakes everybody who waits for it. The zero signal is ready to use.
type signal struct {
	mu      sync.Mutex
	waiting chan struct{}
}

// next returns a channel that is closed by the next raise. Take it before looking at
// what the signal is about, and no news is missed.
func (s *signal) next() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting == nil {
		s.waiting = make(chan struct{})
	}
	return s.waiting
}

// raise wakes all who wait.
func (s *signal) raise() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.waiting != nil {
		close(s.waiting)
		s.waiting = nil
	}
}
