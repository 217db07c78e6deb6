package teamtest

import (
	"bytes"
	"sync"
	"time"
)

// log is what a deployer says, and the news that it has said something.
type log struct {
	mu   sync.Mutex
	text bytes.Buffer
	news chan struct{} // has room for one
}

func newLog() log { return log{news: make(chan struct{}, 1)} }

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
	return l.text.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// wait returns when something was said since it returned last, or after a time.
func (l *log) wait(most time.Duration) {
	select {
	case <-l.news:
	case <-time.After(most):
	}
}
