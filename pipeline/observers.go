package pipeline

import (
	"context"
	"iter"
	"sync"
)

// defaultQueue is the size of an observer's queue.
const defaultQueue = 256

// observers hand each event to every queue. The zero value has no observers.
type observers struct {
	mu     sync.Mutex
	queues map[*queue]bool
}

// queue is one observer's: bounded, and when it is full the oldest event goes.
type queue struct {
	mu     sync.Mutex
	events []Event
	size   int
	lost   int
	ready  chan struct{} // holds one element while there is something to read
}

// tell gives an event to all; it never blocks.
func (o *observers) tell(e Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for q := range o.queues {
		q.put(e)
	}
}

// watch yields the events from the call of watch on, until ctx ends.
func (o *observers) watch(ctx context.Context, size int) iter.Seq[Event] {
	if size <= 0 {
		size = defaultQueue
	}
	q := &queue{size: size, ready: make(chan struct{}, 1)}
	o.mu.Lock()
	if o.queues == nil {
		o.queues = map[*queue]bool{}
	}
	o.queues[q] = true
	o.mu.Unlock()
	leave := sync.OnceFunc(func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.queues, q)
	})
	context.AfterFunc(ctx, leave)
	return func(yield func(Event) bool) {
		defer leave()
		for {
			for _, e := range q.take() {
				if !yield(e) {
					return
				}
			}
			select {
			case <-q.ready:
			case <-ctx.Done():
				for _, e := range q.take() {
					if !yield(e) {
						return
					}
				}
				return
			}
		}
	}
}

func (q *queue) put(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.events) == q.size {
		q.events = q.events[1:]
		q.lost++
	}
	q.events = append(q.events, e)
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// take empties the queue; what was lost comes first.
func (q *queue) take() []Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	events := q.events
	if q.lost > 0 {
		first := events[0]
		events = append([]Event{{At: first.At, Pipeline: first.Pipeline, Kind: EventLost, Lost: q.lost}}, events...)
	}
	q.events, q.lost = nil, 0
	return events
}
