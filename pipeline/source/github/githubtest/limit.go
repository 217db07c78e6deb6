package githubtest

import (
	"fmt"
	"net/http"
	"time"
)

// SetBudget changes how many requests an hour the token has, and begins a new hour in
// which so many of them are left.
func (s *Server) SetBudget(budget, left int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.budget, s.used, s.reset = budget, budget-left, time.Now().Add(time.Hour)
}

// Left is how many requests are left of this hour's budget.
func (s *Server) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renew()
	return s.budget - s.used
}

// renew begins a new hour when the last one is over. The server is locked.
func (s *Server) renew() {
	if now := time.Now(); !now.Before(s.reset) {
		s.used, s.reset = 0, now.Add(time.Hour)
	}
}

// exhausted reports whether the budget is used up. The server is locked.
func (s *Server) exhausted() bool {
	s.renew()
	return s.used >= s.budget
}

// spend takes a request off the budget, unless it was one that costs nothing, and
// writes the headers. The server is locked.
func (s *Server) spend(h http.Header, status int) {
	s.renew()
	if status != http.StatusNotModified && s.used < s.budget {
		s.used++
	}
	h.Set("X-RateLimit-Limit", fmt.Sprint(s.budget))
	h.Set("X-RateLimit-Remaining", fmt.Sprint(s.budget-s.used))
	h.Set("X-RateLimit-Used", fmt.Sprint(s.used))
	h.Set("X-RateLimit-Reset", fmt.Sprint(s.reset.Unix()))
	h.Set("X-RateLimit-Resource", "core")
}

// rateLimit answers for the budget.
func (s *Server) rateLimit(*http.Request) reply {
	s.renew()
	core := map[string]any{"limit": s.budget, "used": s.used, "remaining": s.budget - s.used, "reset": s.reset.Unix()}
	return ok(map[string]any{"resources": map[string]any{"core": core}, "rate": core})
}
