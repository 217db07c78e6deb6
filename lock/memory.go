package lock

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
)

// Memory is a Store in this process's memory: for tests, and for a deployer that
// need not outlive its process. The zero value is empty and ready to use.
type Memory struct {
	mu   sync.Mutex
	docs map[string]document
	last uint64
}

type document struct {
	data    []byte
	version uint64
}

// Load implements Store.
func (m *Memory) Load(ctx context.Context, key string) ([]byte, Version, error) {
	if err := errors.Join(ctx.Err(), ValidKey(key)); err != nil {
		return nil, "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.docs[key]
	if !ok {
		return nil, "", ErrNotFound
	}
	return bytes.Clone(d.data), d.name(), nil
}

// Swap implements Store.
func (m *Memory) Swap(ctx context.Context, key string, old Version, data []byte) (Version, error) {
	if err := errors.Join(ctx.Err(), Check(key, data)); err != nil {
		return "", err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	d, ok := m.docs[key]
	if ok != (old != "") || ok && d.name() != old {
		return "", ErrConflict
	}
	if m.docs == nil {
		m.docs = map[string]document{}
	}
	m.last++
	d = document{data: bytes.Clone(data), version: m.last}
	m.docs[key] = d
	return d.name(), nil
}

func (d document) name() Version { return Version(strconv.FormatUint(d.version, 10)) }
