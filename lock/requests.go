package lock

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// requests asks a store about one lease, for no longer than limit each time: a
// store that hangs must not hang those who wait and those who hold.
type requests struct {
	store Store
	key   string
	limit time.Duration
}

// load reads the grant and the version of its document.
func (r requests) load(ctx context.Context) (g Grant, v Version, err error) {
	err = r.within(ctx, func(ctx context.Context) error {
		var data []byte
		if data, v, err = r.store.Load(ctx, r.key); err != nil {
			return err
		}
		g, err = parseGrant(data)
		return err
	})
	return g, v, err
}

// swap writes the grant if the version of the document is still old.
func (r requests) swap(ctx context.Context, old Version, g Grant) (v Version, err error) {
	data, err := json.Marshal(g)
	if err != nil {
		return "", fmt.Errorf("encode lease: %w", err)
	}
	err = r.within(ctx, func(ctx context.Context) error {
		v, err = r.store.Swap(ctx, r.key, old, data)
		return err
	})
	return v, err
}

// within makes one request, and says so in the error when the limit ended it rather
// than the caller.
func (r requests) within(ctx context.Context, request func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, r.limit)
	defer cancel()
	err := request(bounded)
	if err != nil && bounded.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("no answer within %s: %w", r.limit, err)
	}
	return err
}
