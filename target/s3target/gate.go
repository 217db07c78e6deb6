package s3target

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// gate bounds how much is under way at once: requests, whose number it halves when the
// server asks to slow down and raises by and by, and bytes in memory.
type gate struct {
	mu          sync.Mutex
	most, limit int
	busy        int
	bytes       int64
	good        int
	changed     chan struct{} // closed when there may be room
}

// maxBytes is how much content is in memory at once.
const maxBytes = 40 << 20

// slowDowns is how often one piece of work waits for a busy server at most.
const slowDowns = 8

func newGate(most int) *gate { return &gate{most: most, limit: most, changed: make(chan struct{})} }

// enter waits for room for a request with so many bytes of content.
func (g *gate) enter(ctx context.Context, bytes int64) error {
	for {
		g.mu.Lock()
		if g.busy == 0 || g.busy < g.limit && g.bytes+bytes <= maxBytes {
			g.busy++
			g.bytes += bytes
			g.mu.Unlock()
			return nil
		}
		changed := g.changed
		g.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// leave makes room, and learns from how the request went.
func (g *gate) leave(bytes int64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.busy--
	g.bytes -= bytes
	g.good++
	if slow(err) {
		g.limit, g.good = max(1, g.limit/2), 0
	} else if g.good > g.limit {
		g.limit, g.good = min(g.most, g.limit+1), 0
	}
	close(g.changed)
	g.changed = make(chan struct{})
}

// through does work on each item, on as many at once as there is room for, and ends with
// the first error. Work that a busy server refused is done again. A few goroutines do
// all of it: the stacks that a client's request needs are grown once.
func through[T any](ctx context.Context, g *gate, items []T, bytes func(T) int64, work func(context.Context, T) error) error {
	group, inner := errgroup.WithContext(ctx)
	var taken atomic.Int64
	for range min(g.most, len(items)) {
		group.Go(func() error {
			for inner.Err() == nil {
				i := int(taken.Add(1)) - 1
				if i >= len(items) {
					break
				}
				if err := g.do(inner, bytes(items[i]), func() error { return work(inner, items[i]) }); err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return context.Cause(ctx)
}

// do does one piece of work.
func (g *gate) do(ctx context.Context, bytes int64, work func() error) error {
	for try := 0; ; try++ {
		if err := g.enter(ctx, bytes); err != nil {
			return err
		}
		err := work()
		g.leave(bytes, err)
		if !slow(err) || try == slowDowns {
			return err
		}
		select {
		case <-time.After(50 * time.Millisecond << try):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// none is the size of work without content.
func none[T any](T) int64 { return 0 }
