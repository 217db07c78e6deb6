package notify

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Bounds of trying.
const (
	sendTime  = 15 * time.Second // of one try
	mostPause = 5 * time.Minute
)

// box is one receiver's queue.
type box struct {
	to       Receiver
	size     int
	patience time.Duration
	warn     func(text string, args ...any)

	mu      sync.Mutex
	queue   []queued
	dropped map[Kind]int // since the last message that arrived
	closed  bool
	news    chan struct{} // holds one element while there is something to do
	empty   chan struct{} // closed when it is closed and nothing is left
	leave   sync.Once
}

type queued struct {
	Message
	since time.Time
}

func newBox(to Receiver, c Config) *box {
	return &box{
		to: to, size: c.Queue, patience: c.Patience, warn: c.Log.Warn, dropped: map[Kind]int{},
		news: make(chan struct{}, 1), empty: make(chan struct{}),
	}
}

// put queues a message. When the queue is full the oldest one goes.
func (b *box) put(m Message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return
	}
	if len(b.queue) == b.size {
		b.drop("the queue is full")
	}
	b.queue = append(b.queue, queued{m, time.Now()})
	b.signal()
}

func (b *box) signal() {
	select {
	case b.news <- struct{}{}:
	default:
	}
}

// drop takes the oldest message out, undelivered. The caller holds mu.
func (b *box) drop(why string) {
	m := b.queue[0]
	b.queue = b.queue[1:]
	b.dropped[m.Kind]++
	b.warn("message dropped", "pipeline", m.Pipeline, "kind", m.Kind, "id", m.ID, "why", why)
}

// first returns the oldest message and what was dropped before it.
func (b *box) first() (m queued, dropped map[Kind]int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) == 0 {
		if b.closed {
			b.leave.Do(func() { close(b.empty) })
		}
		return queued{}, nil, false
	}
	dropped = map[Kind]int{}
	for k, n := range b.dropped {
		dropped[k] = n
	}
	return b.queue[0], dropped, true
}

// deliver sends what is queued, in order, until ctx ends.
func (b *box) deliver(ctx context.Context) {
	for failures := 0; ctx.Err() == nil; {
		m, dropped, ok := b.first()
		if !ok {
			select {
			case <-b.news:
			case <-ctx.Done():
			}
			continue
		}
		err := b.send(ctx, m.Message.after(dropped))
		switch {
		case ctx.Err() != nil:
		case err == nil:
			failures = 0
			b.done(m.ID, dropped)
		case final(err) || time.Since(m.since) >= b.patience:
			b.giveUp(m.ID, err)
		default:
			failures++
			pause(ctx, wait(failures, err))
		}
	}
}

// send tries once.
func (b *box) send(ctx context.Context, m Message) error {
	ctx, cancel := context.WithTimeout(ctx, sendTime)
	defer cancel()
	return b.to.Send(ctx, m)
}

// done takes a message out that has arrived, and forgets the losses that it told of. It
// may have been dropped meanwhile, as the oldest of a full queue.
func (b *box) done(id string, told map[Kind]int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, n := range told {
		if b.dropped[k] -= n; b.dropped[k] <= 0 {
			delete(b.dropped, k)
		}
	}
	if len(b.queue) > 0 && b.queue[0].ID == id {
		b.queue = b.queue[1:]
	}
}

func (b *box) giveUp(id string, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.queue) > 0 && b.queue[0].ID == id {
		b.drop(err.Error())
	}
}

// close takes no more messages.
func (b *box) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	b.signal()
}

// drained waits until nothing is left, and returns how much is when ctx ends first.
func (b *box) drained(ctx context.Context) int {
	select {
	case <-b.empty:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.queue)
}

// after is the message with a word on what was dropped before it.
func (m Message) after(dropped map[Kind]int) Message {
	var parts []string
	for _, k := range kinds {
		if n := dropped[k]; n > 0 {
			m.Missed += n
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	if m.Missed > 0 {
		m.Text += fmt.Sprintf(" (%d earlier messages were dropped: %s)", m.Missed, strings.Join(parts, ", "))
	}
	return m
}

// final reports whether trying again is of no use.
func final(err error) bool {
	var refused *Refused
	return errors.As(err, &refused) && refused.final()
}

// wait is how long to wait after so many failures in a row: as long as the receiver
// asks, or twice as long each time.
func wait(failures int, err error) time.Duration {
	d := time.Second << min(failures-1, 8)
	var refused *Refused
	if errors.As(err, &refused) {
		d = max(d, refused.After)
	}
	return min(d, mostPause)
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// contains reports whether one of them is so.
func contains[E any](all []E, so func(E) bool) bool { return slices.ContainsFunc(all, so) }
