package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"sync"

	"github.com/muster-deploy/muster/build"
)

const (
	// ahead is how many chunks are fetched before they are asked for, once reading
	// goes on from one to the next.
	ahead = 3

	// held is how many chunks a reader holds in memory.
	held = 8
)

// reader reads content chunk by chunk. ReadAt may be called by many goroutines at
// once.
type reader struct {
	store *Store
	key   string
	list  []chunk
	ends  []int64 // where each chunk ends
	ctx   context.Context
	stop  context.CancelFunc
	at    int64 // where Read goes on

	mu     sync.Mutex
	recent []*fetch // the last used last
	last   int      // the chunk that was asked for last
}

var _ io.ReaderAt = (*reader)(nil)

// fetch is a chunk that is there, or on its way.
type fetch struct {
	index int
	done  chan struct{}
	data  []byte
	err   error
}

func (s *Store) newReader(ctx context.Context, key string, l list) *reader {
	r := &reader{store: s, key: key, list: l.chunks, ends: make([]int64, len(l.chunks)), last: -2}
	r.ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	end := int64(0)
	for i, c := range l.chunks {
		end += c.size
		r.ends[i] = end
	}
	return r
}

// Read implements io.Reader.
func (r *reader) Read(p []byte) (int, error) {
	n, err := r.some(p, r.at)
	r.at += int64(n)
	return n, err
}

// ReadAt implements io.ReaderAt.
func (r *reader) ReadAt(p []byte, offset int64) (n int, err error) {
	if offset < 0 {
		return 0, fmt.Errorf("read %s: offset %d", r.key, offset)
	}
	for n < len(p) && err == nil {
		var m int
		m, err = r.some(p[n:], offset+int64(n))
		n += m
	}
	return n, err
}

// Close implements io.Closer. What is on its way is given up.
func (r *reader) Close() error {
	r.stop()
	return nil
}

// some reads from the one chunk that holds an offset.
func (r *reader) some(p []byte, offset int64) (int, error) {
	if r.ctx.Err() != nil {
		return 0, fmt.Errorf("read %s: %w", r.key, os.ErrClosed)
	}
	i := sort.Search(len(r.ends), func(i int) bool { return r.ends[i] > offset })
	if i == len(r.ends) {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	f := r.chunk(i)
	<-f.done
	if f.err != nil {
		return 0, fmt.Errorf("read %s: chunk %d of %d: %w", r.key, i+1, len(r.list), f.err)
	}
	return copy(p, f.data[offset-(r.ends[i]-r.list[i].size):]), nil
}

// chunk returns a chunk, and fetches the next ones if it follows the last.
func (r *reader) chunk(i int) *fetch {
	r.mu.Lock()
	defer r.mu.Unlock()
	follows := i == r.last+1
	if follows {
		for next := min(i+ahead, len(r.list)-1); next > i; next-- {
			r.use(next)
		}
	}
	r.last = i
	return r.use(i)
}

// use returns a chunk that is held, or begins to fetch it, in the place of the one
// that was not used for the longest time.
func (r *reader) use(i int) *fetch {
	at := slices.IndexFunc(r.recent, func(f *fetch) bool { return f.index == i })
	if at >= 0 {
		f := r.recent[at]
		r.recent = append(slices.Delete(r.recent, at, at+1), f)
		return f
	}
	if len(r.recent) == held {
		r.recent = slices.Delete(r.recent, 0, 1)
	}
	f := &fetch{index: i, done: make(chan struct{})}
	r.recent = append(r.recent, f)
	go r.fetch(f)
	return f
}

// fetch gets a chunk and verifies it. A failure is not held: the next one who asks
// tries again.
func (r *reader) fetch(f *fetch) {
	defer close(f.done)
	c := r.list[f.index]
	f.data, f.err = r.store.chunk(r.ctx, c)
	if f.err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recent = slices.DeleteFunc(r.recent, func(other *fetch) bool { return other == f })
}

// chunk gets a chunk and verifies it.
func (s *Store) chunk(ctx context.Context, c chunk) ([]byte, error) {
	data, err := s.get(ctx, chunks+c.digest, c.size)
	if missing(err) {
		err = errors.Join(build.ErrCorrupt, err)
	}
	if err == nil && (digestOf(data) != c.digest || int64(len(data)) != c.size) {
		err = fmt.Errorf("it is not what its name says: %w", build.ErrCorrupt)
	}
	if err != nil {
		// Whoever puts this content again shall look whether it is there.
		s.seen.forget(c.digest)
		return nil, fmt.Errorf("s3://%s/%s: %w", s.bucket, s.prefix+chunks+c.digest, err)
	}
	return data, nil
}
