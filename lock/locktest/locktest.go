// Package locktest is the conformance suite for a lock.Store. A store that passes it
// can be trusted with leases and records:
//
//	func TestStore(t *testing.T) {
//		locktest.TestStore(t, func(t testing.TB) locktest.Place {
//			dir := t.TempDir()
//			return locktest.PlaceFunc(func(context.Context) (lock.Store, error) {
//				return filelock.Open(dir)
//			})
//		}, locktest.Options{})
//	}
//
// The suite takes a Place, not a Store: it opens the place again and again, which is
// what a crash, a restart and a second machine look like to a store.
//
// Faults returns stores with the mistakes that the suite is there to find, and
// Lossy a store over a network that loses answers, for tests of what uses a store.
package locktest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// Place is where documents live: a directory, a bucket, a table.
type Place interface {
	// Open opens the place once more. All stores that were opened are used at the
	// same time, as those of several machines are; none of them is ever closed.
	Open(ctx context.Context) (lock.Store, error)
}

// PlaceFunc is a Place made of its Open.
type PlaceFunc func(ctx context.Context) (lock.Store, error)

// Open implements Place.
func (f PlaceFunc) Open(ctx context.Context) (lock.Store, error) { return f(ctx) }

// Memory returns an empty place in memory, which every opening shares.
func Memory() Place {
	m := &lock.Memory{}
	return PlaceFunc(func(context.Context) (lock.Store, error) { return m, nil })
}

// Options tune the suite. The zero value suits a store that does real input and output.
type Options struct {
	// InMemory says that the store does no input or output. Each check then runs in
	// virtual time (testing/synctest): it takes no time, and goroutines that block
	// for ever are found.
	InMemory bool

	// Lease is the duration of leases in the checks of leases, and must be several
	// times longer than the slowest request. Zero: 1 s.
	Lease time.Duration

	// Limit is how long one check may take. Zero: 1 min.
	Limit time.Duration
}

// filled returns the options with defaults in the place of zeros.
func (o Options) filled() Options {
	if o.Lease == 0 {
		o.Lease = time.Second
	}
	if o.Limit == 0 {
		o.Limit = time.Minute
	}
	return o
}

// TestStore runs every check as a subtest, each on an empty place of its own, which
// the function place returns.
func TestStore(t *testing.T, place func(testing.TB) Place, o Options) {
	t.Helper()
	for _, c := range Checks() {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			run := func(t *testing.T) {
				if err := c.Do(t.Context(), place(t), o); err != nil {
					t.Errorf("%s: %v", c.Promise, err)
				}
			}
			if o.InMemory {
				synctest.Test(t, run)
				return
			}
			run(t)
		})
	}
}

// Check is one check of the suite.
type Check struct {
	// Name is a word or two, Promise the sentence that a store must make true.
	Name, Promise string

	run func(context.Context, *bench) error
}

// Do runs the check on an empty place and returns how the store broke the promise,
// or nil. It is for those who observe the suite; others call TestStore.
func (c Check) Do(ctx context.Context, p Place, o Options) error {
	o = o.filled()
	ctx, cancel := context.WithTimeoutCause(ctx, o.Limit, fmt.Errorf("the check took longer than %s", o.Limit))
	defer cancel()
	b := &bench{place: p, options: o}
	first, err := b.open(ctx)
	if err != nil {
		return err
	}
	second, err := b.open(ctx)
	if err != nil {
		return err
	}
	b.store, b.other = first, second
	return c.run(ctx, b)
}

// Checks returns all checks of the suite, the simple ones first.
func Checks() []Check {
	var all []Check
	for _, group := range [][]Check{documentChecks, versionChecks, requestChecks, concurrencyChecks, leaseChecks} {
		all = append(all, group...)
	}
	return all
}

// bench is what a check works with: a place, opened twice.
type bench struct {
	place        Place
	options      Options
	store, other lock.Store
}

// open opens the place once more.
func (b *bench) open(ctx context.Context) (lock.Store, error) {
	s, err := b.place.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open the place: %w", err)
	}
	return s, nil
}

// create writes a document that is not there yet.
func (b *bench) create(ctx context.Context, key string, data []byte) (lock.Version, error) {
	return put(ctx, b.store, key, "", data)
}

// put swaps and expects to succeed.
func put(ctx context.Context, s lock.Store, key string, old lock.Version, data []byte) (lock.Version, error) {
	v, err := s.Swap(ctx, key, old, data)
	if err != nil {
		return "", fmt.Errorf("swap of %s from version %q: %w", key, old, err)
	}
	if v == "" || v == old {
		return "", fmt.Errorf("swap of %s from version %q returned version %q", key, old, v)
	}
	return v, nil
}

// expect loads a document and compares it.
func expect(ctx context.Context, s lock.Store, key string, v lock.Version, data []byte) error {
	got, version, err := s.Load(ctx, key)
	switch {
	case err != nil:
		return fmt.Errorf("load of %s: %w", key, err)
	case string(got) != string(data):
		return fmt.Errorf("load of %s returned %s, want %s", key, brief(got), brief(data))
	case version != v:
		return fmt.Errorf("load of %s returned version %q, but its swap returned %q", key, version, v)
	}
	return nil
}

// brief shows a document in an error.
func brief(data []byte) string {
	if len(data) > 40 {
		return fmt.Sprintf("%d bytes, %.40q...", len(data), data)
	}
	return fmt.Sprintf("%q", data)
}

// refused expects a conflict.
func refused(ctx context.Context, s lock.Store, key string, old lock.Version, why string) error {
	v, err := s.Swap(ctx, key, old, []byte("must not be written"))
	if !errors.Is(err, lock.ErrConflict) {
		return fmt.Errorf("%s: swap of %s from version %q returned version %q and error %v, want ErrConflict", why, key, old, v, err)
	}
	return nil
}

// absent expects that there is no document.
func absent(ctx context.Context, s lock.Store, key string) error {
	data, v, err := s.Load(ctx, key)
	if !errors.Is(err, lock.ErrNotFound) {
		return fmt.Errorf("load of %s, which was never written, returned %s, version %q, error %v, want ErrNotFound", key, brief(data), v, err)
	}
	return nil
}
