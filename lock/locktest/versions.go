package locktest

import (
	"context"
	"fmt"

	"github.com/muster-deploy/muster/lock"
)

// versionChecks are about what a version means, one request at a time.
var versionChecks = []Check{
	{"create", "a document is created once", checkCreate},
	{"swap", "a swap needs the version that there is, and no other", checkSwap},
	{"a-b-a", "a document that goes from A to B and back to A has three versions", checkABA},
	{"unique", "no version comes twice, also after the place was opened again", checkUnique},
	{"fresh", "a load returns what the last swap wrote, whoever did it", checkFresh},
}

func checkCreate(ctx context.Context, b *bench) error {
	v, err := b.create(ctx, "create", []byte("first"))
	if err != nil {
		return err
	}
	for _, s := range []lock.Store{b.store, b.other} {
		if err := refused(ctx, s, "create", "", "the document is there already"); err != nil {
			return err
		}
	}
	return expect(ctx, b.store, "create", v, []byte("first"))
}

func checkSwap(ctx context.Context, b *bench) error {
	first, err := b.create(ctx, "swap", []byte("first"))
	if err != nil {
		return err
	}
	second, err := put(ctx, b.other, "swap", first, []byte("second"))
	if err != nil {
		return err
	}
	for _, old := range []lock.Version{first, "", "no version of this store", first + second} {
		if err := refused(ctx, b.store, "swap", old, "the version is another"); err != nil {
			return err
		}
		if err := expect(ctx, b.other, "swap", second, []byte("second")); err != nil {
			return fmt.Errorf("after a swap that was refused: %w", err)
		}
	}
	third, err := put(ctx, b.store, "swap", second, []byte("third"))
	if err != nil {
		return err
	}
	return expect(ctx, b.other, "swap", third, []byte("third"))
}

func checkABA(ctx context.Context, b *bench) error {
	var versions []lock.Version
	v := lock.Version("")
	for _, data := range []string{"A", "B", "A", "A"} {
		var err error
		if v, err = put(ctx, b.store, "aba", v, []byte(data)); err != nil {
			return err
		}
		for i, earlier := range versions {
			if v == earlier {
				return fmt.Errorf("writes %d and %d of A, B, A, A have the same version %q", i+1, len(versions)+1, v)
			}
			if err := refused(ctx, b.store, "aba", earlier, "the document was written since, if only with what it was"); err != nil {
				return err
			}
		}
		versions = append(versions, v)
	}
	return nil
}

func checkUnique(ctx context.Context, b *bench) error {
	seen := map[lock.Version]int{}
	v := lock.Version("")
	for i := range 60 {
		s := b.store
		if i%5 == 0 {
			var err error
			if s, err = b.open(ctx); err != nil {
				return err
			}
		}
		next, err := put(ctx, s, "unique", v, []byte("the same"))
		if err != nil {
			return err
		}
		if earlier, twice := seen[next]; twice {
			return fmt.Errorf("swaps %d and %d returned the same version %q", earlier, i, next)
		}
		seen[next], v = i, next
	}
	return nil
}

func checkFresh(ctx context.Context, b *bench) error {
	stores := []lock.Store{b.store, b.other}
	v := lock.Version("")
	for i := range 40 {
		data := fmt.Appendf(nil, "document %d", i)
		var err error
		if v, err = put(ctx, stores[i%2], "fresh", v, data); err != nil {
			return err
		}
		for _, s := range stores {
			if err := expect(ctx, s, "fresh", v, data); err != nil {
				return fmt.Errorf("right after swap %d: %w", i, err)
			}
		}
	}
	return nil
}
