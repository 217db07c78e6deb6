package locktest_test

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/lock/locktest"
)

// table is what a database would be: rows that are changed if their number is still
// the expected one.
type table struct {
	mu   sync.Mutex
	rows map[string]row
}

type row struct {
	number int
	data   string
}

// tableStore is a store that somebody wrote for it.
type tableStore struct{ table *table }

func (s tableStore) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	if err := lock.ValidKey(key); err != nil {
		return nil, "", err
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	r, ok := s.table.rows[key]
	if !ok {
		return nil, "", lock.ErrNotFound
	}
	return []byte(r.data), lock.Version(fmt.Sprint(r.number)), nil
}

func (s tableStore) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	if err := lock.Check(key, data); err != nil {
		return "", err
	}
	s.table.mu.Lock()
	defer s.table.mu.Unlock()
	r, ok := s.table.rows[key]
	if ok && lock.Version(fmt.Sprint(r.number)) != old || !ok && old != "" {
		return "", lock.ErrConflict
	}
	r = row{number: r.number + 1, data: string(data)}
	s.table.rows[key] = r
	return lock.Version(fmt.Sprint(r.number)), nil
}

// TestTableStore is the whole test of the store.
func TestTableStore(t *testing.T) {
	locktest.TestStore(t, func(testing.TB) locktest.Place {
		empty := &table{rows: map[string]row{}}
		return locktest.PlaceFunc(func(context.Context) (lock.Store, error) {
			return tableStore{empty}, nil
		})
	}, locktest.Options{InMemory: true}) // without InMemory for a real database
}

// Test your own Store: write a test that gives TestStore an empty place for each
// check, as TestTableStore in this file does. Here the same checks run in a program,
// over files.
func ExampleTestStore() {
	options := locktest.Options{Lease: 200 * time.Millisecond} // a store this fast may have short leases
	kept, broken := 0, 0
	for _, check := range locktest.Checks() {
		dir, err := os.MkdirTemp("", "locktest")
		if err != nil {
			fmt.Println(err)
			return
		}
		defer os.RemoveAll(dir)
		place := locktest.PlaceFunc(func(context.Context) (lock.Store, error) { return filelock.Open(dir) })
		if err := check.Do(context.Background(), place, options); err != nil {
			fmt.Printf("%s: %v\n", check.Promise, err)
			broken++
			continue
		}
		kept++
	}
	fmt.Println("promises broken:", broken, "- all of", kept > 20, "kept")
	// Output: promises broken: 0 - all of true kept
}

// A fault is a store with one mistake, for those who want to see it found.
func ExampleFaults() {
	for _, fault := range locktest.Faults() {
		if fault.Name != "create overwrites" {
			continue
		}
		for _, check := range locktest.Checks() {
			if err := check.Do(context.Background(), fault.Break(locktest.Memory()), locktest.Options{}); err != nil {
				fmt.Println(check.Name, "rejects it:", check.Promise)
				return
			}
		}
	}
	// Output: empty rejects it: an empty document is a document
}
