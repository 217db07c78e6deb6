package locktest

import (
	"context"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// readFaults are mistakes in reading.
var readFaults = []Fault{
	{"stale read", "answers a load from a cache that does not know what others wrote", opened(staleRead)},
	{"torn read", "reads the version first and the document later", opened(tornRead)},
	{"shares slices", "keeps the slice that it was given, and hands it out", opened(sharesSlices)},
	{"empty is absent", "takes an empty document for none", opened(emptyIsAbsent)},
}

// cached is a document in a cache.
type cached struct {
	data    []byte
	version lock.Version
}

// cache is safe for many goroutines.
type cache struct {
	mu   sync.Mutex
	docs map[string]cached
}

func (c *cache) put(key string, data []byte, v lock.Version) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.docs == nil {
		c.docs = map[string]cached{}
	}
	c.docs[key] = cached{data, v}
}

func (c *cache) get(key string) (cached, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	d, ok := c.docs[key]
	return d, ok
}

func (c *cache) drop(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.docs, key)
}

// staleRead serves every document that it read once more from its cache.
func staleRead(f *faulty) {
	var c cache
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		if d, ok := c.get(key); ok && ctx.Err() == nil {
			c.drop(key)
			return append([]byte(nil), d.data...), d.version, nil
		}
		data, v, err := f.Store.Load(ctx, key)
		if err == nil {
			c.put(key, append([]byte(nil), data...), v)
		}
		return data, v, err
	}
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		c.drop(key) // What it wrote itself it reads.
		return f.Store.Swap(ctx, key, old, data)
	}
}

func tornRead(f *faulty) {
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		_, v, err := f.Store.Load(ctx, key)
		if err != nil {
			return nil, "", err
		}
		time.Sleep(time.Millisecond)
		data, _, err := f.Store.Load(ctx, key)
		return data, v, err
	}
}

func sharesSlices(f *faulty) {
	var c cache
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		data, v, err := f.Store.Load(ctx, key)
		if d, ok := c.get(key); err == nil && ok && d.version == v {
			return d.data, v, nil
		}
		return data, v, err
	}
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		v, err := f.Store.Swap(ctx, key, old, data)
		if err == nil {
			c.put(key, data, v)
		}
		return v, err
	}
}

func emptyIsAbsent(f *faulty) {
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		data, v, err := f.Store.Load(ctx, key)
		if err == nil && len(data) == 0 {
			return nil, "", lock.ErrNotFound
		}
		return data, v, err
	}
}
