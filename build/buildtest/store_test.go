package buildtest

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
)

func TestTheStoresOfBuildPassTheSuite(t *testing.T) {
	t.Run("directory", func(t *testing.T) {
		TestStore(t, func(t *testing.T) StorePlace {
			dir := t.TempDir()
			return StorePlace{Open: func() (build.Store, error) { return build.OpenDirStore(dir) }}
		})
	})
	t.Run("memory", func(t *testing.T) {
		TestStore(t, func(t *testing.T) StorePlace {
			s := &build.MemoryStore{}
			return StorePlace{Open: func() (build.Store, error) { return s, nil }}
		})
	})
	t.Run("behind a decorator", func(t *testing.T) {
		TestStore(t, func(t *testing.T) StorePlace {
			s := &faulty{Store: &build.MemoryStore{}}
			return StorePlace{Open: func() (build.Store, error) { return s, nil }}
		})
	})
}

// faulty is a store with one fault.
type faulty struct {
	build.Store
	put    func(s build.Store, ctx context.Context, key string, r io.Reader) error
	get    func(s build.Store, ctx context.Context, key string) (io.ReadCloser, error)
	delete func(s build.Store, ctx context.Context, key string) error
}

func (f *faulty) Put(ctx context.Context, key string, r io.Reader) error {
	if f.put != nil {
		return f.put(f.Store, ctx, key, r)
	}
	return f.Store.Put(ctx, key, r)
}

func (f *faulty) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if f.get != nil {
		return f.get(f.Store, ctx, key)
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Delete(ctx context.Context, key string) error {
	if f.delete != nil {
		return f.delete(f.Store, ctx, key)
	}
	return f.Store.Delete(ctx, key)
}

// partial hides the error of a reader: what was read is kept.
type partial struct{ io.Reader }

func (p partial) Read(b []byte) (int, error) {
	n, err := p.Reader.Read(b)
	if err != nil {
		err = io.EOF
	}
	return n, err
}

func TestTheSuiteRejectsFaultyStores(t *testing.T) {
	for name, fault := range map[string]faulty{
		"keeps what a failed reader gave": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			e := &errorKeeper{Reader: r}
			return errors.Join(s.Put(ctx, key, partial{e}), e.err)
		}},
		"swallows the reader's error": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			return s.Put(ctx, key, partial{r})
		}},
		"never replaces": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			if _, err := s.Get(ctx, key); err == nil {
				return nil
			}
			return s.Put(ctx, key, r)
		}},
		"appends": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			if old, err := s.Get(ctx, key); err == nil {
				r = io.MultiReader(old, r)
			}
			return s.Put(ctx, key, r)
		}},
		"cuts large content": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			return s.Put(ctx, key, io.LimitReader(r, 1<<16))
		}},
		"changes line ends": {get: func(s build.Store, ctx context.Context, key string) (io.ReadCloser, error) {
			r, err := s.Get(ctx, key)
			if err != nil {
				return nil, err
			}
			b, err := io.ReadAll(r)
			return io.NopCloser(strings.NewReader(strings.ReplaceAll(string(b), "\r\n", "\n"))), err
		}},
		"calls absence an empty content": {get: func(s build.Store, ctx context.Context, key string) (io.ReadCloser, error) {
			r, err := s.Get(ctx, key)
			if errors.Is(err, build.ErrNotFound) {
				return io.NopCloser(strings.NewReader("")), nil
			}
			return r, err
		}},
		"has another error for absence": {get: func(s build.Store, ctx context.Context, key string) (io.ReadCloser, error) {
			r, err := s.Get(ctx, key)
			if err != nil {
				return nil, errors.New("404")
			}
			return r, nil
		}},
		"deletes nothing": {delete: func(s build.Store, ctx context.Context, key string) error { return build.CheckKey(key) }},
		"complains when nothing is there to delete": {delete: func(s build.Store, ctx context.Context, key string) error {
			if _, err := s.Get(ctx, key); err != nil {
				return err
			}
			return s.Delete(ctx, key)
		}},
		"ignores the context": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			return s.Put(context.WithoutCancel(ctx), key, r)
		}},
		"takes any key": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			if build.CheckKey(key) != nil {
				return nil
			}
			return s.Put(ctx, key, r)
		}},
		"folds case": {put: func(s build.Store, ctx context.Context, key string, r io.Reader) error {
			return s.Put(ctx, strings.ToLower(key), r)
		}, get: func(s build.Store, ctx context.Context, key string) (io.ReadCloser, error) {
			return s.Get(ctx, strings.ToLower(key))
		}},
	} {
		complaints := record(t, func(r reporter) {
			storeSuite(r, func() StorePlace {
				f := fault
				f.Store = &build.MemoryStore{}
				return StorePlace{Open: func() (build.Store, error) { return &f, nil }}
			})
		})
		require.NotEmpty(t, complaints, "a store that %s passes", name)
	}
	require.Empty(t, record(t, func(r reporter) {
		storeSuite(r, func() StorePlace {
			s := &build.MemoryStore{}
			return StorePlace{Open: func() (build.Store, error) { return s, nil }}
		})
	}), "the sound store")
	forgets := record(t, func(r reporter) {
		storeSuite(r, func() StorePlace {
			return StorePlace{Open: func() (build.Store, error) { return &build.MemoryStore{}, nil }}
		})
	})
	require.NotEmpty(t, forgets, "a store that forgets when it is opened again passes")
}

// errorKeeper keeps the error of a reader.
type errorKeeper struct {
	io.Reader
	err error
}

func (e *errorKeeper) Read(p []byte) (int, error) {
	n, err := e.Reader.Read(p)
	if err != nil && err != io.EOF {
		e.err = err
	}
	return n, err
}
