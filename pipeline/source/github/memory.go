package github

import (
	"container/list"
	"sync"
)

// Bounds of what is remembered for conditional requests. What is forgotten costs one
// request of the budget, no more.
const (
	maxRemembered      = 1024
	maxRememberedBytes = 16 << 20
	maxRememberedBody  = 1 << 20
)

// remembered is an answer that GitHub may confirm with a 304.
type remembered struct {
	etag string
	body []byte
	next string
}

// memory keeps the last answers by URL, those that were used last. It may be used by
// several goroutines.
type memory struct {
	mu    sync.Mutex
	byURL map[string]*list.Element
	order *list.List // of entry, the one that was used last in front
	bytes int
}

type entry struct {
	url string
	remembered
}

func newMemory() *memory { return &memory{byURL: map[string]*list.Element{}, order: list.New()} }

func (m *memory) get(url string) (remembered, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.byURL[url]
	if !ok {
		return remembered{}, false
	}
	m.order.MoveToFront(e)
	return e.Value.(entry).remembered, true
}

// put remembers an answer, if it can be asked for conditionally.
func (m *memory) put(url string, r remembered) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(m.byURL[url])
	if r.etag == "" || len(r.body) > maxRememberedBody {
		return
	}
	m.byURL[url] = m.order.PushFront(entry{url, r})
	for m.bytes += len(r.body); m.order.Len() > maxRemembered || m.bytes > maxRememberedBytes; {
		m.remove(m.order.Back())
	}
}

// clear forgets all answers.
func (m *memory) clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.byURL)
	m.order.Init()
	m.bytes = 0
}

// remove takes an element out, if there is one. The caller holds mu.
func (m *memory) remove(e *list.Element) {
	if e == nil {
		return
	}
	old := m.order.Remove(e).(entry)
	delete(m.byURL, old.url)
	m.bytes -= len(old.body)
}
