package locktest

import (
	"context"
	"encoding/hex"

	"github.com/muster-deploy/muster/lock"
)

// requestFaults are mistakes about requests that are to be refused.
var requestFaults = []Fault{
	{"error as absence", "reports every error of a load as ErrNotFound", opened(errorAsAbsence)},
	{"error as conflict", "reports every error of a swap as ErrConflict", opened(errorAsConflict)},
	{"ignores context", "goes on when the context has ended", opened(ignoresContext)},
	{"any key", "takes keys outside the grammar", opened(anyKey)},
	{"cuts keys", "goes by the first 64 bytes of a key", opened(cutsKeys)},
}

func errorAsAbsence(f *faulty) {
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		data, v, err := f.Store.Load(ctx, key)
		if err != nil {
			err = lock.ErrNotFound
		}
		return data, v, err
	}
}

func errorAsConflict(f *faulty) {
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		v, err := f.Store.Swap(ctx, key, old, data)
		if err != nil {
			err = lock.ErrConflict
		}
		return v, err
	}
}

func ignoresContext(f *faulty) {
	f.load = func(ctx context.Context, key string) ([]byte, lock.Version, error) {
		return f.Store.Load(context.WithoutCancel(ctx), key)
	}
	f.swap = func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
		return f.Store.Swap(context.WithoutCancel(ctx), key, old, data)
	}
}

func anyKey(f *faulty) {
	renamed(f, func(key string) string {
		if lock.ValidKey(key) == nil {
			return key
		}
		name := "any" + hex.EncodeToString([]byte(key))
		return name[:min(len(name), lock.MaxKey)]
	})
}

func cutsKeys(f *faulty) {
	renamed(f, onlyValid(func(key string) string { return key[:min(len(key), 63)] }))
}
