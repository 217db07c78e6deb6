package s3test

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

func checkCreate(ctx context.Context, b *bench) error {
	etag, err := b.put(ctx, "k", "first", "*")
	if err != nil {
		return err
	}
	_, err = b.put(ctx, "k", "second", "*")
	if err := wants(err, "a second creation", "PreconditionFailed"); err != nil {
		return err
	}
	return b.holds(ctx, "k", "first", etag)
}

func checkSwap(ctx context.Context, b *bench) error {
	_, err := b.put(ctx, "k", "x", `"0123456789abcdef0123456789abcdef"`)
	if err := wants(err, "a swap of what is not there", "NoSuchKey", "PreconditionFailed"); err != nil {
		return err
	}
	if err := b.absent(ctx, "k"); err != nil {
		return err
	}
	first, err := b.put(ctx, "k", "first", "")
	if err != nil {
		return err
	}
	second, err := b.put(ctx, "k", "second", first)
	if err != nil {
		return err
	}
	if first == second {
		return fmt.Errorf("two contents have the same ETag %s", first)
	}
	_, err = b.put(ctx, "k", "third", first)
	if err := wants(err, "a swap of what was replaced", "PreconditionFailed"); err != nil {
		return err
	}
	return b.holds(ctx, "k", "second", second)
}

func checkCreateRace(ctx context.Context, b *bench) error {
	for round := range 5 {
		if err := b.race(ctx, fmt.Sprintf("race/%d", round), "*"); err != nil {
			return err
		}
	}
	return nil
}

func checkSwapRace(ctx context.Context, b *bench) error {
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		etag, err := b.put(ctx, key, "before", "")
		if err != nil {
			return err
		}
		if err := b.race(ctx, key, etag); err != nil {
			return err
		}
	}
	return nil
}

// race lets many write at the same time under one condition, and expects that one
// does and all others are told why not.
func (b *bench) race(ctx context.Context, key, condition string) error {
	const writers = 8
	var wait sync.WaitGroup
	errs := make([]error, writers)
	for i := range writers {
		wait.Go(func() { _, errs[i] = b.put(ctx, key, fmt.Sprint("writer ", i), condition) })
	}
	wait.Wait()
	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			return fmt.Errorf("writers %d and %d of %s both succeeded", winner, i, key)
		case err == nil:
			winner = i
		default:
			// 409 asks to try again: somebody else was writing at that moment.
			if err := wants(err, "a writer that lost", "PreconditionFailed", "ConditionalRequestConflict"); err != nil {
				return err
			}
		}
	}
	if winner < 0 {
		return errors.New("nobody succeeded")
	}
	return b.holds(ctx, key, fmt.Sprint("writer ", winner), "")
}
