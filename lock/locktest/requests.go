package locktest

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/muster-deploy/muster/lock"
)

// requestChecks are about requests that are refused.
var requestChecks = []Check{
	{"ended context", "a request whose context has ended says so and does nothing", checkContext},
	{"key grammar", "keys outside the grammar are refused", checkGrammar},
	{"longest key", "keys of up to 200 bytes are taken", checkLongestKey},
}

func checkContext(ctx context.Context, b *bench) error {
	ended, cancel := context.WithCancel(ctx)
	cancel()
	for _, key := range []string{"absent", "present"} {
		v := lock.Version("")
		if key == "present" {
			var err error
			if v, err = b.create(ctx, key, []byte("x")); err != nil {
				return err
			}
		}
		if _, _, err := b.store.Load(ended, key); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("load of the %s document under a cancelled context returned error %v, want context.Canceled", key, err)
		}
		if _, err := b.store.Swap(ended, key, v, []byte("y")); !errors.Is(err, context.Canceled) {
			return fmt.Errorf("swap of the %s document under a cancelled context returned error %v, want context.Canceled", key, err)
		}
		if v != "" {
			return expect(ctx, b.other, key, v, []byte("x"))
		}
		if err := absent(ctx, b.other, key); err != nil {
			return err
		}
	}
	return nil
}

func checkGrammar(ctx context.Context, b *bench) error {
	for _, key := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a b", "a\\b", "a\x00b", "a\n",
		"ä", "a%2fb", "a,b", "a:b", "a*", "\xff", strings.Repeat("k", lock.MaxKey+1),
	} {
		_, _, err := b.store.Load(ctx, key)
		if err == nil || errors.Is(err, lock.ErrNotFound) {
			return fmt.Errorf("load of the key %q returned error %v, want it refused as lock.ValidKey does", key, err)
		}
		_, err = b.store.Swap(ctx, key, "", []byte("x"))
		if err == nil || errors.Is(err, lock.ErrConflict) {
			return fmt.Errorf("swap of the key %q returned error %v, want it refused as lock.ValidKey does", key, err)
		}
	}
	return nil
}

func checkLongestKey(ctx context.Context, b *bench) error {
	versions := map[string]lock.Version{}
	for _, key := range longestKeys {
		var err error
		if versions[key], err = b.create(ctx, key, []byte(key)); err != nil {
			return err
		}
	}
	for key, v := range versions {
		if err := expect(ctx, b.other, key, v, []byte(key)); err != nil {
			return err
		}
	}
	return nil
}

// longestKeys differ in their last byte only, or are deep.
var longestKeys = []string{
	strings.Repeat("k", lock.MaxKey-1) + "1",
	strings.Repeat("k", lock.MaxKey-1) + "2",
	strings.Repeat("d/", lock.MaxKey/2-1) + "k1",
	strings.Repeat("d/", lock.MaxKey/2-1) + "k2",
}
