package locktest

import (
	"context"

	"github.com/muster-deploy/muster/lock"
)

// Fault is a mistake that stores are made with.
type Fault struct {
	// Name is a word or two, Mistake a sentence about what such a store does.
	Name, Mistake string

	// Break returns the place as a store with the mistake would show it. Some
	// mistakes show only with time between two requests: they let a millisecond pass.
	Break func(Place) Place
}

// Faults returns stores with one mistake each, for those who want to see what the
// suite is for, or who write a suite of their own. TestStore rejects every one.
func Faults() []Fault {
	var all []Fault
	for _, group := range [][]Fault{versionFaults, writeFaults, readFaults, requestFaults} {
		all = append(all, group...)
	}
	return all
}

// faulty is a store with a mistake in one or both of its methods; nil is none.
type faulty struct {
	lock.Store
	load func(ctx context.Context, key string) ([]byte, lock.Version, error)
	swap func(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error)
}

func (f *faulty) Load(ctx context.Context, key string) ([]byte, lock.Version, error) {
	if f.load == nil {
		return f.Store.Load(ctx, key)
	}
	return f.load(ctx, key)
}

func (f *faulty) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if f.swap == nil {
		return f.Store.Swap(ctx, key, old, data)
	}
	return f.swap(ctx, key, old, data)
}

// opened returns the Break of a mistake that each opening makes by itself.
func opened(mistake func(*faulty)) func(Place) Place {
	return func(p Place) Place {
		return PlaceFunc(func(ctx context.Context) (lock.Store, error) {
			s, err := p.Open(ctx)
			if err != nil {
				return nil, err
			}
			f := &faulty{Store: s}
			mistake(f)
			return f, nil
		})
	}
}
