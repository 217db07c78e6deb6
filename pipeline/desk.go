package pipeline

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock"
)

// desk is where a pipeline's documents are read and changed: all that Open needs,
// and the ground on which an Engine stands.
type desk struct {
	store lock.Store
	logs  build.Store
	name  string
}

// swapTries is how often a swap is tried when others write, or answers are lost.
const swapTries = 12

// load reads the record, or returns ErrNoPipeline.
func (d desk) load(ctx context.Context) (Record, lock.Version, error) {
	data, version, err := d.document(ctx)
	if err != nil {
		return Record{}, "", err
	}
	r, err := decodeRecord(keys(d.name).record(), data)
	return r, version, err
}

// document loads the record as it is kept.
func (d desk) document(ctx context.Context) ([]byte, lock.Version, error) {
	data, version, err := d.store.Load(ctx, keys(d.name).record())
	if errors.Is(err, lock.ErrNotFound) {
		err = ErrNoPipeline
	}
	if err != nil {
		return nil, "", fmt.Errorf("load record of %q: %w", d.name, err)
	}
	return data, version, nil
}

// swap loads the record, lets change change it, and writes it if nobody else wrote
// meanwhile; else it begins again. An error of change ends it and nothing is
// written. After a lost answer it begins again too: change finds its work done.
func (d desk) swap(ctx context.Context, change func(*Record) error) (Record, error) {
	r, _, err := d.swapped(ctx, func(data []byte, _ lock.Version) (Record, error) {
		return decodeRecord(keys(d.name).record(), data)
	}, change)
	return r, err
}

// swapped is swap by who knows the record already: read makes a record, to be
// changed, of a document and its version. It returns the version written too.
func (d desk) swapped(
	ctx context.Context, read func([]byte, lock.Version) (Record, error), change func(*Record) error,
) (Record, lock.Version, error) {
	for try := 1; ; try++ {
		before, version, err := d.document(ctx)
		if err != nil {
			return Record{}, "", err
		}
		r, err := read(before, version)
		if err != nil {
			return Record{}, "", err
		}
		if err := change(&r); err != nil {
			return Record{}, "", err
		}
		if version, err = d.write(ctx, &r, version, before); err == nil {
			return r, version, nil
		}
		if try == swapTries || ctx.Err() != nil {
			return Record{}, "", fmt.Errorf("swap record of %q: %w", d.name, err)
		}
		if !errors.Is(err, lock.ErrConflict) {
			pause(ctx, time.Duration(try)*10*time.Millisecond)
		}
	}
}

// write swaps the record in, unless it is what it was.
func (d desk) write(ctx context.Context, r *Record, version lock.Version, before []byte) (lock.Version, error) {
	r.trim()
	data, err := r.fit()
	if err != nil || bytes.Equal(data, before) {
		return version, err
	}
	return d.store.Swap(ctx, keys(d.name).record(), version, data)
}

// create writes the first record of a pipeline, if there is none.
func (d desk) create(ctx context.Context) error {
	r := Record{Schema: Schema, Name: d.name}
	data, err := r.encode()
	if err != nil {
		return err
	}
	_, err = d.store.Swap(ctx, keys(d.name).record(), "", data)
	if err != nil && !errors.Is(err, lock.ErrConflict) {
		return fmt.Errorf("create record of %q: %w", d.name, err)
	}
	return nil
}

// pause waits, unless ctx ends first.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Do implements Pipeline.
func (d desk) Do(ctx context.Context, q Request) (string, error) {
	if q.meta().ID == "" {
		q = q.named(rand.Text())
	}
	id := q.meta().ID
	if err := q.validate(); err != nil {
		return id, &Refusal{Code: Invalid, Reason: err.Error()}
	}
	now := time.Now().UTC().Round(0)
	if hold, ok := q.(PlaceHold); ok {
		if err := hold.hold(d.name, now).Validate(); err != nil {
			return id, &Refusal{Code: Invalid, Reason: err.Error()}
		}
	}
	about, err := d.do(ctx, q, now)
	if err != nil {
		return id, err
	}
	ring(ctx, d.store, about)
	return id, nil
}

// do applies a request to the document that it is about, and returns the name of
// the pipelines that have news.
func (d desk) do(ctx context.Context, q Request, now time.Time) (string, error) {
	hold, placing := q.(PlaceHold)
	if own := lock.Pipeline(d.name); placing && hold.Scope != "" && hold.Scope != own {
		return everyPipeline, changeWideHolds(ctx, d.store, q.meta().ID, now, func(w *wideHolds) error {
			return w.place(hold.hold(d.name, now))
		})
	}
	_, err := d.swap(ctx, func(r *Record) error { return r.apply(q, now) })
	var refusal *Refusal
	if lift, lifting := q.(LiftHold); lifting && errors.As(err, &refusal) {
		return everyPipeline, changeWideHolds(ctx, d.store, q.meta().ID, now, func(w *wideHolds) error {
			return w.lift(lift.Hold)
		})
	}
	return d.name, err
}
