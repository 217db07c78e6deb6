package pipelinetest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// witness is a store that writes down every state that the record ever had.
type witness struct {
	lock.Memory
	mu     sync.Mutex
	writes []write
}

// write is one successful swap of the record.
type write struct {
	at  time.Time
	who string
	raw []byte
}

func (s *witness) swap(ctx context.Context, who, key string, old lock.Version, data []byte) (lock.Version, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	version, err := s.Memory.Swap(ctx, key, old, data)
	if err == nil && strings.HasSuffix(key, "/record") {
		s.writes = append(s.writes, write{at: time.Now(), who: who, raw: bytes.Clone(data)})
	}
	return version, err
}

// Swap implements lock.Store for those who are in nobody's process.
func (s *witness) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	return s.swap(ctx, "operator", key, old, data)
}

// count is how often the record was written.
func (s *witness) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.writes)
}

// last returns the record as it is.
func (s *witness) last() pipeline.Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.writes) == 0 {
		return pipeline.Record{}
	}
	return s.writes[len(s.writes)-1].record()
}

// record decodes what was written.
func (w write) record() pipeline.Record {
	var r pipeline.Record
	if err := json.Unmarshal(w.raw, &r); err != nil {
		panic(err) // the library wrote it
	}
	return r
}
