package locktest

import (
	"bytes"
	"context"
	"path"
	"strings"
	"sync/atomic"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// writeFaults are mistakes in writing.
var writeFaults = []Fault{
	{"conflict after write", "reports a conflict when the answer to a write was lost", opened(conflictAfterWrite)},
	{"conflict for nothing", "reports a conflict, now and then, when there was none", opened(conflictForNothing)},
	{"early answer", "answers before it has written", opened(earlyAnswer)},
	{"truncates", "keeps the first 64 KiB of a document", opened(truncates)},
	{"truncates the huge", "keeps the first 256 KiB of a larger document", opened(truncatesTheHuge)},
	{"text only", "keeps what is valid text of a document", opened(textOnly)},
	{"changes slices", "changes the slice that it is given", opened(changesSlices)},
	{"mixes keys", "keeps documents under the last segment of their keys", opened(mixesKeys)},
	{"mixes punctuation", "keeps a/b and a.b under one name", opened(mixesPunctuation)},
	{"not durable", "keeps documents for as long as it is open", notDurable},
}

func conflictAfterWrite(f *faulty) {
	var swaps atomic.Int64
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		v, err := f.Store.Swap(ctx, key, old, data)
		if err == nil && swaps.Add(1)%7 == 0 {
			return "", lock.ErrConflict
		}
		return v, err
	}
}

func conflictForNothing(f *faulty) {
	var swaps atomic.Int64
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		if swaps.Add(1)%7 == 0 {
			return "", lock.ErrConflict
		}
		return f.Store.Swap(ctx, key, old, data)
	}
}

// earlyAnswer shows others, for a millisecond, the document that was there before.
func earlyAnswer(f *faulty) {
	var before atomic.Pointer[faulty]
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		was, version, lerr := f.Store.Load(ctx, key)
		v, err := f.Store.Swap(ctx, key, old, data)
		if err == nil {
			earlier := &faulty{load: func(context.Context, string) ([]byte, lock.Version, error) { return was, version, lerr }}
			before.Store(earlier)
			time.AfterFunc(time.Millisecond, func() { before.CompareAndSwap(earlier, nil) })
		}
		return v, err
	}
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		if earlier := before.Load(); earlier != nil && ctx.Err() == nil {
			return earlier.load(ctx, key)
		}
		return f.Store.Load(ctx, key)
	}
}

func truncates(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		return f.Store.Swap(ctx, key, old, data[:min(len(data), 64<<10)])
	}
}

func truncatesTheHuge(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		return f.Store.Swap(ctx, key, old, data[:min(len(data), lock.MaxDocument)])
	}
}

func textOnly(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		return f.Store.Swap(ctx, key, old, bytes.ToValidUTF8(data, nil))
	}
}

func changesSlices(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		v, err := f.Store.Swap(ctx, key, old, data)
		clear(data)
		return v, err
	}
}

// renamed is the mistake of keeping documents under names made of their keys.
func renamed(f *faulty, name func(key string) string) {
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		return f.Store.Load(ctx, name(key))
	}
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		return f.Store.Swap(ctx, name(key), old, data)
	}
}

// onlyValid leaves keys alone that the store is to refuse.
func onlyValid(name func(key string) string) func(key string) string {
	return func(key string) string {
		if lock.ValidKey(key) != nil {
			return key
		}
		return name(key)
	}
}

func mixesKeys(f *faulty) { renamed(f, onlyValid(path.Base)) }

func mixesPunctuation(f *faulty) {
	renamed(f, onlyValid(func(key string) string { return strings.ReplaceAll(key, "/", ".") }))
}

func notDurable(Place) Place {
	return PlaceFunc(func(context.Context) (lock.Store, error) { return &lock.Memory{}, nil })
}
