package s3store

import (
	"context"
	"io"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// uploads is how many chunks are on their way at the same time. Together with the
	// one that is cut they are what a Put holds in memory.
	uploads = 8

	// trusted is how old a chunk may be that Put relies on, and kept how old one is
	// that Prune deletes. The days between are for a Put to end, and for clocks.
	trusted = 20 * 24 * time.Hour
	kept    = 30 * 24 * time.Hour

	// maxSeen is how many chunks a Store remembers that it has seen.
	maxSeen = 200_000
)

// upload uploads all chunks that are missing, of which the first is cut already, and
// returns the list of all.
func (s *Store) upload(ctx context.Context, first []byte, cut *cutter) (list, error) {
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(uploads)
	var all []*chunk
	piece, err := first, error(nil)
	for err == nil && working.Err() == nil {
		c, data := &chunk{size: int64(len(piece))}, piece
		all = append(all, c)
		g.Go(func() error {
			c.digest = digestOf(data)
			return s.keep(working, c.digest, data)
		})
		piece, err = cut.next()
	}
	failed := g.Wait()
	switch {
	case failed != nil:
		return list{}, failed
	case ctx.Err() != nil:
		return list{}, ctx.Err()
	case err != io.EOF:
		return list{}, err
	}
	l := list{chunks: make([]chunk, len(all))}
	for i, c := range all {
		l.chunks[i] = *c
	}
	return l, nil
}

// keep uploads a chunk if it is missing, or so old that it may be pruned.
func (s *Store) keep(ctx context.Context, digest string, data []byte) error {
	if s.seen.since(digest, time.Now().Add(-trusted)) {
		return nil
	}
	uploaded, err := s.age(ctx, chunks+digest)
	switch {
	case missing(err):
	case err != nil:
		return err
	case time.Since(uploaded) < trusted:
		s.seen.note(digest, uploaded)
		return nil
	}
	begin := time.Now()
	if err := s.put(ctx, chunks+digest, data); err != nil {
		return err
	}
	s.seen.note(digest, begin)
	return nil
}

// seen remembers when chunks were uploaded that are in the bucket for certain. The
// zero value remembers none.
type seen struct {
	mu     sync.Mutex
	chunks map[string]time.Time
}

// since reports whether a chunk was uploaded after a time.
func (s *seen) since(digest string, t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.chunks[digest].After(t)
}

// note remembers a chunk, and forgets all others when they have become too many.
func (s *seen) note(digest string, uploaded time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chunks == nil || len(s.chunks) >= maxSeen {
		s.chunks = map[string]time.Time{}
	}
	s.chunks[digest] = uploaded
}

// forget forgets a chunk that turned out to be missing or damaged.
func (s *seen) forget(digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.chunks, digest)
}
