package lock_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// One deployer at a time acts, under the context of its lease.
func ExampleAcquire() {
	ctx := context.Background()
	store := &lock.Memory{} // filelock.Open(dir) for the processes of one host

	lease, err := lock.Acquire(ctx, store, "payments/lease", lock.Options{
		Holder:  "web-1 pid 4711",
		Waiting: func(g lock.Grant) { fmt.Println("waiting:", g) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	// Releasing must work also when ctx has ended.
	defer lease.Close(context.WithoutCancel(ctx))

	deploy := func(ctx context.Context, epoch uint64) error {
		fmt.Println("deploying under epoch", epoch)
		return ctx.Err()
	}
	if err := deploy(lease.Context(), lease.Epoch()); err != nil {
		if errors.Is(context.Cause(lease.Context()), lock.ErrLost) {
			fmt.Println("somebody else goes on:", err)
		}
	}
	// Output: deploying under epoch 1
}

// Peek shows who holds a lease, without waiting for it.
func ExamplePeek() {
	ctx := context.Background()
	store := &lock.Memory{}
	for range 2 {
		lease, err := lock.Acquire(ctx, store, "payments/lease", lock.Options{Holder: "web-1 pid 4711"})
		if err != nil {
			fmt.Println(err)
			return
		}
		if err := lease.Close(ctx); err != nil {
			fmt.Println(err)
		}
	}
	grant, err := lock.Peek(ctx, store, "payments/lease")
	fmt.Println(grant, err)
	// Output: released by web-1 pid 4711 (epoch 2) <nil>
}

// A document is changed by reading it, and swapping it if nobody else did.
func ExampleStore() {
	ctx := context.Background()
	var store lock.Store = &lock.Memory{}

	first, err := store.Swap(ctx, "payments/record", "", []byte("one"))
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := store.Swap(ctx, "payments/record", first, []byte("two")); err != nil {
		fmt.Println(err)
	}
	_, err = store.Swap(ctx, "payments/record", first, []byte("another two"))
	fmt.Println(errors.Is(err, lock.ErrConflict))

	data, _, err := store.Load(ctx, "payments/record")
	fmt.Println(string(data), err)
	// Output:
	// true
	// two <nil>
}

// A hold says itself as the end of a sentence.
func ExampleHolds() {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	holds, err := lock.Holds(nil).With(lock.Hold{
		ID: "h1", Scope: lock.Prefix("payments/"), Level: lock.Deploys,
		By: "on-call", Reason: "db migration", Since: now, Until: now.Add(5 * time.Hour),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range holds.Active(now, "payments/web") {
		fmt.Println("payments/web is", h)
	}
	// Output: payments/web is held by on-call: "db migration" until 17:00 UTC
}
