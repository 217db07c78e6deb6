package locktest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/lock"
)

// concurrencyChecks are about requests at the same time, from two openings.
var concurrencyChecks = []Check{
	{"create race", "of many that create a document at the same time one succeeds", checkCreateRace},
	{"lost update", "of many that count at the same time every one is counted", checkCounter},
	{"linearizable", "requests at the same time happen in some order, between their beginnings and ends", checkLinearizable},
}

// workers is how many goroutines a check of concurrency has.
const workers = 8

// rounds is how often each of them counts.
const rounds = 6

// together runs work in goroutines that use the two openings by turns.
func (b *bench) together(ctx context.Context, work func(ctx context.Context, i int, s lock.Store) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for i := range workers {
		s := b.store
		if i%2 == 1 {
			s = b.other
		}
		g.Go(func() error { return work(ctx, i, s) })
	}
	return g.Wait()
}

func checkCreateRace(ctx context.Context, b *bench) error {
	for round := range 5 {
		key := fmt.Sprintf("race/%d", round)
		winners := make([]lock.Version, workers)
		err := b.together(ctx, func(ctx context.Context, i int, s lock.Store) error {
			v, err := s.Swap(ctx, key, "", []byte(strconv.Itoa(i)))
			winners[i] = v
			if errors.Is(err, lock.ErrConflict) {
				err = nil
			}
			return err
		})
		if err != nil {
			return err
		}
		winner := -1
		for i, v := range winners {
			if v != "" && winner >= 0 {
				return fmt.Errorf("workers %d and %d both created %s", winner, i, key)
			}
			if v != "" {
				winner = i
			}
		}
		if winner < 0 {
			return fmt.Errorf("nobody created %s", key)
		}
		if err := expect(ctx, b.other, key, winners[winner], []byte(strconv.Itoa(winner))); err != nil {
			return err
		}
	}
	return nil
}

func checkCounter(ctx context.Context, b *bench) error {
	err := b.together(ctx, func(ctx context.Context, _ int, s lock.Store) error {
		for range rounds {
			if err := increment(ctx, s, "counter"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	data, _, err := b.other.Load(ctx, "counter")
	if want := strconv.Itoa(workers * rounds); err != nil || string(data) != want {
		return fmt.Errorf("counted to %s, error %v, want %s", brief(data), err, want)
	}
	return nil
}

// increment counts one up. Each conflict is another's success, so it has to succeed
// once all others are done.
func increment(ctx context.Context, s lock.Store, key string) error {
	for range workers*rounds + 1 {
		data, v, err := s.Load(ctx, key)
		if err != nil && !errors.Is(err, lock.ErrNotFound) {
			return fmt.Errorf("load of %s: %w", key, err)
		}
		n := 0
		if v != "" {
			if n, err = strconv.Atoi(string(data)); err != nil {
				return fmt.Errorf("load of %s returned %s, want a number", key, brief(data))
			}
		}
		_, err = s.Swap(ctx, key, v, []byte(strconv.Itoa(n+1)))
		if !errors.Is(err, lock.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("count: more conflicts than the %d writes that all make together", workers*rounds)
}

func checkLinearizable(ctx context.Context, b *bench) error {
	h := &history{key: "linearizable"}
	err := b.together(ctx, func(ctx context.Context, i int, s lock.Store) error {
		for n := range 12 {
			v, err := h.load(ctx, s)
			if err != nil {
				return err
			}
			if err := h.swap(ctx, s, v, fmt.Sprintf("worker %d, write %d", i, n)); err != nil {
				return err
			}
		}
		_, err := h.load(ctx, s)
		return err
	})
	if err != nil {
		return err
	}
	return h.linearizable()
}
