package githubtest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Fault is what goes wrong with requests.
type Fault struct {
	// Path limits it to requests whose path holds this. Zero: all.
	Path string
	// Times is how many requests it is for. Zero: one.
	Times int

	// Status answers with an error, with Header and Message. A Message that is empty is
	// what GitHub says with that status.
	Status  int
	Header  http.Header
	Message string
	// Body is answered in place of the true one.
	Body string
	// Half ends the answer in the middle of its body, and cuts the connection.
	Half bool
	// Cut cuts the connection without an answer.
	Cut bool
	// Delay makes the answer come late.
	Delay time.Duration
}

// Fail makes the next requests go wrong. Several faults are for one request after the
// other.
func (s *Server) Fail(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Heal forgets the faults that have not happened yet.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// Unavailable answers so many requests with 502, as GitHub does when it is overloaded.
func Unavailable(times int) Fault { return Fault{Status: http.StatusBadGateway, Times: times} }

// SecondaryLimit refuses one request as too fast, with the status 403 or 429. With
// after it says how long to pause.
func SecondaryLimit(status int, after time.Duration) Fault {
	f := Fault{Status: status, Message: "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}
	if after > 0 {
		f.Header = http.Header{"Retry-After": {fmt.Sprint(int(after.Seconds()))}}
	}
	return f
}

func (f Fault) message() string {
	switch {
	case f.Message != "":
		return f.Message
	case f.Status >= 500:
		return "Server Error"
	}
	return http.StatusText(f.Status)
}

// fault takes the next fault that is for a request. The server is locked.
func (s *Server) fault(r *http.Request) Fault {
	for i := range s.faults {
		f := &s.faults[i]
		if !strings.Contains(r.URL.RequestURI(), f.Path) {
			continue
		}
		found := *f
		if f.Times--; f.Times <= 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return found
	}
	return Fault{}
}

// pause waits, unless the request is given up first.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
