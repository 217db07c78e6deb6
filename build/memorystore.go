package build

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"
)

// MemoryStore is a Store in memory, for tests and for pipelines that need outlive
// nothing. The zero value is empty and ready for use.
type MemoryStore struct {
	mu   sync.Mutex
	kept map[string][]byte
}

// Put keeps all that r yields.
func (s *MemoryStore) Put(ctx context.Context, key string, r io.Reader) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("put: %w", err)
	}
	b, err := io.ReadAll(withContext(ctx, r))
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kept == nil {
		s.kept = map[string][]byte{}
	}
	s.kept[key] = b
	return nil
}

// Get opens what is under key. What it returns reads from any place (io.ReaderAt).
func (s *MemoryStore) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := ready(ctx, key); err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.kept[key]
	if !ok {
		return nil, fmt.Errorf("get %s: %w", key, ErrNotFound)
	}
	return memoryFile{bytes.NewReader(b)}, nil
}

// Delete removes what is under key.
func (s *MemoryStore) Delete(ctx context.Context, key string) error {
	if err := ready(ctx, key); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.kept, key)
	return nil
}

// ready judges a call by its context and its key.
func ready(ctx context.Context, key string) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return CheckKey(key)
}

// memoryFile needs no closing.
type memoryFile struct{ *bytes.Reader }

func (memoryFile) Close() error { return nil }

// contextReader ends with the cause of its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

// withContext returns r, which stops between two reads when ctx has ended.
func withContext(ctx context.Context, r io.Reader) io.Reader { return contextReader{ctx, r} }

func (c contextReader) Read(p []byte) (int, error) {
	if err := context.Cause(c.ctx); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
