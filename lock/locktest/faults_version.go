package locktest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// versionFaults are mistakes about what a version is.
var versionFaults = []Fault{
	{"etag as version", "takes the hash of the content for its version: A, B, A has two", opened(etagAsVersion)},
	{"unchanged", "writes nothing, and keeps the version, when the content stays the same", opened(unchanged)},
	{"counts from its start", "numbers the versions from one whenever it is opened", opened(countsFromItsStart)},
	{"ignores version", "swaps from any version", opened(ignoresVersion)},
	{"create overwrites", "swaps from no version also when there is a document", opened(createOverwrites)},
	{"create for update", "creates a document that should have been there", opened(createForUpdate)},
	{"check then write", "compares the version first and writes later: an update is lost", opened(checkThenWrite)},
	{"any number of versions", "returns another version each time that it is asked", opened(anyNumberOfVersions)},
}

func etag(data []byte) lock.Version { return lock.Version(fmt.Sprintf("%x", sha256.Sum256(data))) }

func etagAsVersion(f *faulty) {
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		data, v, err := f.Store.Load(ctx, key)
		if err == nil {
			v = etag(data)
		}
		return data, v, err
	}
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		if current, v, err := f.Store.Load(ctx, key); err == nil && etag(current) == old {
			old = v
		}
		v, err := f.Store.Swap(ctx, key, old, data)
		if err == nil {
			v = etag(data)
		}
		return v, err
	}
}

func unchanged(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		if current, v, err := f.Store.Load(ctx, key); err == nil && v == old && bytes.Equal(current, data) {
			return v, nil
		}
		return f.Store.Swap(ctx, key, old, data)
	}
}

// countsFromItsStart gives each version that it meets the next number.
func countsFromItsStart(f *faulty) {
	var mu sync.Mutex
	numbers, versions := map[string]lock.Version{"": ""}, map[string]lock.Version{"": ""}
	number := func(key string, v lock.Version) lock.Version {
		mu.Lock()
		defer mu.Unlock()
		id := key + " " + string(v)
		if numbers[id] == "" {
			numbers[id] = lock.Version(strconv.Itoa(len(numbers)))
			versions[key+" "+string(numbers[id])] = v
		}
		return numbers[id]
	}
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		data, v, err := f.Store.Load(ctx, key)
		if err == nil {
			v = number(key, v)
		}
		return data, v, err
	}
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		mu.Lock()
		if v, known := versions[key+" "+string(old)]; known {
			old = v
		}
		mu.Unlock()
		v, err := f.Store.Swap(ctx, key, old, data)
		if err == nil {
			v = number(key, v)
		}
		return v, err
	}
}

func ignoresVersion(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		if _, v, err := f.Store.Load(ctx, key); err == nil && old != "" {
			old = v
		}
		return f.Store.Swap(ctx, key, old, data)
	}
}

func createOverwrites(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		if _, v, err := f.Store.Load(ctx, key); err == nil && old == "" {
			old = v
		}
		return f.Store.Swap(ctx, key, old, data)
	}
}

func createForUpdate(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		if _, v, err := f.Store.Load(ctx, key); v == "" && err != nil && ctx.Err() == nil {
			old = ""
		}
		return f.Store.Swap(ctx, key, old, data)
	}
}

func checkThenWrite(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		_, v, _ := f.Store.Load(ctx, key)
		if v != old {
			return f.Store.Swap(ctx, key, old, data)
		}
		time.Sleep(time.Millisecond)
		_, v, _ = f.Store.Load(ctx, key)
		return f.Store.Swap(ctx, key, v, data)
	}
}

func anyNumberOfVersions(f *faulty) {
	var mu sync.Mutex
	loads := 0
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		data, v, err := f.Store.Load(ctx, key)
		mu.Lock()
		defer mu.Unlock()
		if loads++; err == nil && loads%5 == 0 {
			v = lock.Version(fmt.Sprintf("%s at load %d", v, loads))
		}
		return data, v, err
	}
}
