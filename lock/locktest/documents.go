package locktest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/muster-deploy/muster/lock"
)

// documentChecks are about the bytes of documents.
var documentChecks = []Check{
	{"absence", "a document that was never written is ErrNotFound", checkAbsence},
	{"bytes", "documents come back byte by byte", checkBytes},
	{"empty", "an empty document is a document", checkEmpty},
	{"large", "documents of up to 256 KiB are kept whole, larger ones whole or not at all", checkLarge},
	{"slices", "slices that were given or returned are the caller's", checkSlices},
	{"keys", "documents under different keys have nothing to do with each other", checkKeys},
	{"durable", "what was written is there when the place is opened again", checkDurable},
}

func checkAbsence(ctx context.Context, b *bench) error {
	if err := absent(ctx, b.store, "absent"); err != nil {
		return err
	}
	v, err := b.create(ctx, "present", []byte("x"))
	if err != nil {
		return err
	}
	if err := refused(ctx, b.store, "absent", v, "there is no document"); err != nil {
		return err
	}
	return absent(ctx, b.store, "absent")
}

func checkBytes(ctx context.Context, b *bench) error {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for i, data := range [][]byte{
		[]byte("text"), []byte("line\n"), []byte("\r\n \t\n"), []byte(" "), {0}, {0, 0}, all,
		[]byte("\xff\xfe\xc3"), []byte("äöü €"), []byte(`"{}"`), []byte("%00&amp;"), []byte("\ufeffmark"),
	} {
		key := fmt.Sprintf("bytes/%d", i)
		v, err := b.create(ctx, key, data)
		if err != nil {
			return err
		}
		if err := expect(ctx, b.other, key, v, data); err != nil {
			return err
		}
	}
	return nil
}

func checkEmpty(ctx context.Context, b *bench) error {
	v, err := b.create(ctx, "empty", nil)
	if err != nil {
		return err
	}
	if err := expect(ctx, b.store, "empty", v, nil); err != nil {
		return err
	}
	if err := refused(ctx, b.store, "empty", "", "there is an empty document"); err != nil {
		return err
	}
	v, err = put(ctx, b.store, "empty", v, []byte("full"))
	if err != nil {
		return err
	}
	v, err = put(ctx, b.store, "empty", v, []byte{})
	if err != nil {
		return err
	}
	return expect(ctx, b.other, "empty", v, nil)
}

func checkLarge(ctx context.Context, b *bench) error {
	random := rand.NewChaCha8([32]byte{1})
	var v lock.Version
	for _, size := range []int{1, 1 << 10, 4<<10 - 1, 4 << 10, 1 << 16, 1<<16 + 1, lock.MaxDocument, 10} {
		data := make([]byte, size)
		_, _ = random.Read(data)
		var err error
		if v, err = put(ctx, b.store, "large", v, data); err != nil {
			return fmt.Errorf("%d bytes: %w", size, err)
		}
		if err := expect(ctx, b.other, "large", v, data); err != nil {
			return err
		}
	}
	huge := make([]byte, lock.MaxDocument+1)
	if v, err := b.store.Swap(ctx, "huge", "", huge); err == nil {
		return expect(ctx, b.other, "huge", v, huge)
	}
	return absent(ctx, b.other, "huge")
}

func checkSlices(ctx context.Context, b *bench) error {
	given := []byte("as it was given")
	v, err := b.create(ctx, "slices", given)
	if err != nil {
		return err
	}
	if string(given) != "as it was given" {
		return fmt.Errorf("swap changed the slice that it was given to %q", given)
	}
	copy(given, "CHANGED BY THE CALLER")
	for range 2 {
		if err := expect(ctx, b.store, "slices", v, []byte("as it was given")); err != nil {
			return fmt.Errorf("after the caller has changed a slice: %w", err)
		}
		loaded, _, err := b.store.Load(ctx, "slices")
		if err != nil {
			return err
		}
		copy(loaded, "CHANGED BY THE CALLER")
		_ = append(loaded[:3], bytes.Repeat([]byte("x"), cap(loaded)-3)...)
	}
	return nil
}

func checkKeys(ctx context.Context, b *bench) error {
	keys := []string{"k", "k2", "k.2", "k-2", "k_2", "K3", "d/k", "e/k", "d.k", "d-k", "d/f/k", "d.f/k", ".k", "k.lock", "k.tmp", "k.doc", "k.json"}
	versions := map[string]lock.Version{}
	for _, key := range keys {
		if err := absent(ctx, b.store, key); err != nil {
			return err
		}
		var err error
		if versions[key], err = b.create(ctx, key, []byte("first of "+key)); err != nil {
			return err
		}
	}
	for i, key := range keys {
		var err error
		if versions[key], err = put(ctx, b.store, key, versions[key], []byte("second of "+key)); err != nil {
			return err
		}
		for j, other := range keys {
			want := "first of "
			if j <= i {
				want = "second of "
			}
			if err := expect(ctx, b.other, other, versions[other], []byte(want+other)); err != nil {
				return fmt.Errorf("after a swap of %s: %w", key, err)
			}
		}
	}
	return nil
}

func checkDurable(ctx context.Context, b *bench) error {
	var v lock.Version
	for i := range 5 {
		before, err := b.open(ctx)
		if err != nil {
			return err
		}
		data := fmt.Appendf(nil, "document %d", i)
		if v, err = put(ctx, before, "durable", v, data); err != nil {
			return err
		}
		after, err := b.open(ctx)
		if err != nil {
			return err
		}
		if err := expect(ctx, after, "durable", v, data); err != nil {
			return fmt.Errorf("in a place that was opened again: %w", err)
		}
	}
	return nil
}
