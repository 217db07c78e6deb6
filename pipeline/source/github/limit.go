package github

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Bounds of a pause. GitHub asks for at least a minute where it does not say how
// long; the budget of a token begins anew every hour.
const (
	leastPause = time.Minute
	mostPause  = time.Hour + time.Minute
)

// LimitError says that GitHub is not asked until some time: the token's budget is used
// up, or GitHub asked for a pause.
type LimitError struct {
	// Secondary says that requests came too fast, or too many at once. Otherwise the
	// token's budget of the hour is used up.
	Secondary bool
	// Until is when the pause ends.
	Until time.Time
	// Budget is how many requests an hour the token has; zero where it is not known.
	Budget int
}

// Error says what is limited, until when, and what to do.
func (e *LimitError) Error() string {
	until := e.Until.Format("15:04:05 MST")
	if e.Secondary {
		return fmt.Sprintf("GitHub asks for a pause until %s (a secondary rate limit): something asks too often with this token", until)
	}
	return fmt.Sprintf("GitHub's rate limit is used up until %s (%d requests an hour): give the deployer a token of its own, or a GitHub App, or poll less often", until, e.Budget)
}

// Temporary reports that the pause ends.
func (e *LimitError) Temporary() bool { return true }

// limits know the budget of a token, and the pauses that GitHub asks for.
type limits struct {
	reserve int

	mu      sync.Mutex
	pause   *LimitError
	strikes int // secondary limits in a row
	budget  int
	left    int
	reset   time.Time // of left, by this machine's clock
}

// open returns a LimitError while GitHub is not to be asked.
func (l *limits) open(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.pause != nil && now.Before(l.pause.Until) {
		return l.pause
	}
	return nil
}

// thrifty reports whether only what cannot wait is to be asked.
func (l *limits) thrifty(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.budget > 0 && now.Before(l.reset) && l.left < min(l.reserve, l.budget/2)
}

// note takes in what an answer says of limits. It returns a LimitError where the
// answer is none because of them.
func (l *limits) note(a answer, now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.count(a, now)
	refused := a.status == http.StatusForbidden || a.status == http.StatusTooManyRequests
	wait, asked := seconds(a.header.Get("Retry-After"))
	switch {
	case refused && asked:
		l.pause = l.secondary(now.Add(wait))
	case refused && known && l.left == 0:
		l.pause = &LimitError{Until: l.reset, Budget: l.budget}
	case refused && (a.status == http.StatusTooManyRequests || pauseAsked(a.body)):
		l.pause = l.secondary(now.Add(leastPause << min(l.strikes, 4)))
	case known && l.left == 0:
		l.pause = &LimitError{Until: l.reset, Budget: l.budget} // the next request would be refused
		return nil
	default:
		l.strikes = 0
		return nil
	}
	return l.pause
}

// secondary is a pause for asking too fast.
func (l *limits) secondary(until time.Time) *LimitError {
	l.strikes++
	return &LimitError{Secondary: true, Until: until, Budget: l.budget}
}

// count reads the budget from an answer's header. The time at which it begins anew is
// GitHub's; how long that is from now is told by GitHub's own clock, where it says it.
func (l *limits) count(a answer, now time.Time) bool {
	left, err := strconv.Atoi(a.header.Get("X-RateLimit-Remaining"))
	reset, resetErr := strconv.ParseInt(a.header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || resetErr != nil || left < 0 {
		return false
	}
	there := now
	if date, err := http.ParseTime(a.header.Get("Date")); err == nil {
		there = date
	}
	l.left, l.reset = left, now.Add(bound(time.Unix(reset, 0).Sub(there)))
	if budget, err := strconv.Atoi(a.header.Get("X-RateLimit-Limit")); err == nil {
		l.budget = max(0, budget)
	}
	return true
}

// seconds reads a Retry-After that is a number.
func seconds(header string) (time.Duration, bool) {
	n, err := strconv.ParseInt(header, 10, 32)
	if err != nil || n < 0 {
		return 0, false
	}
	return bound(time.Duration(n) * time.Second), true
}

func bound(d time.Duration) time.Duration { return min(max(d, time.Second), mostPause) }

// pauseAsked reports whether the text of a refusal speaks of a limit.
func pauseAsked(body []byte) bool {
	body = bytes.ToLower(body[:min(len(body), 4<<10)])
	return bytes.Contains(body, []byte("secondary rate limit")) || bytes.Contains(body, []byte("abuse detection"))
}
