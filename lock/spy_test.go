package lock

import (
	"context"
	"sync"
)

// spy is a Store that notes what is asked of it, and lets a test come in between:
// before the request, with an error instead of it, or after it, with an error that
// hides its answer.
type spy struct {
	Store
	before func(ctx context.Context, call string) error
	after  func(ctx context.Context, call string) error

	mu    sync.Mutex
	calls []string
}

// reset returns the calls noted so far and forgets them.
func (s *spy) reset() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

// interfere replaces the functions that come in between, for calls from now on.
func (s *spy) interfere(before, after func(ctx context.Context, call string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before, s.after = before, after
}

func (s *spy) note(call string) (before, after func(context.Context, string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	nothing := func(context.Context, string) error { return nil }
	before, after = nothing, nothing
	if s.before != nil {
		before = s.before
	}
	if s.after != nil {
		after = s.after
	}
	return before, after
}

func (s *spy) Load(ctx context.Context, key string) ([]byte, Version, error) {
	before, after := s.note("load")
	if err := before(ctx, "load"); err != nil {
		return nil, "", err
	}
	data, v, err := s.Store.Load(ctx, key)
	if err := after(ctx, "load"); err != nil {
		return nil, "", err
	}
	return data, v, err
}

func (s *spy) Swap(ctx context.Context, key string, old Version, data []byte) (Version, error) {
	before, after := s.note("swap")
	if err := before(ctx, "swap"); err != nil {
		return "", err
	}
	v, err := s.Store.Swap(ctx, key, old, data)
	if err := after(ctx, "swap"); err != nil {
		return "", err
	}
	return v, err
}
