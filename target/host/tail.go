package host

import (
	"io"
	"strings"
	"sync"
)

// tailSize is how much of an output is kept, in bytes: the end, which says why.
const tailSize = 4 << 10

// tail keeps the end of what is written to it. It may be written to after its
// reader has lost interest.
type tail struct {
	mu  sync.Mutex
	end []byte
	log io.Writer // takes all of it, unless it is nil or fails
}

// Write never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.log != nil {
		if _, err := t.log.Write(p); err != nil {
			t.log = nil
		}
	}
	t.end = append(t.end, p[max(0, len(p)-tailSize):]...)
	if len(t.end) > tailSize {
		t.end = append(t.end[:0], t.end[len(t.end)-tailSize:]...)
	}
	return len(p), nil
}

// String returns the end without the space around it.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(strings.ToValidUTF8(string(t.end), "?"))
}
