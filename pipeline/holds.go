package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// pausing are the holds that pause an open deploy: people's. A calendar's prevents
// a deploy from beginning, no more.
func pausing(holds []lock.Hold) []lock.Hold {
	return slices.DeleteFunc(slices.Clone(holds), func(h lock.Hold) bool { return h.Source != "" })
}

// everything are the people's holds that stop rollbacks and convergence too.
func everything(holds []lock.Hold) []lock.Hold {
	return lock.Holds(pausing(holds)).Stopping(lock.Everything)
}

// wideHolds is the document of the holds whose scope is wider than one pipeline.
type wideHolds struct {
	Schema   int        `json:"schema"`
	Holds    lock.Holds `json:"holds"`
	Requests []Applied  `json:"requests,omitempty"`
}

// place adds a hold.
func (w *wideHolds) place(h lock.Hold) error {
	more, err := w.Holds.With(h)
	if err != nil {
		return &Refusal{Code: Invalid, Reason: err.Error()}
	}
	w.Holds = more
	return nil
}

// lift removes the hold of that id and no other.
func (w *wideHolds) lift(id string) error {
	fewer, found := w.Holds.Without(id)
	if !found {
		return refuse(Outdated, "there is no hold %q: it may have been lifted, or have ended", id)
	}
	w.Holds = fewer
	return nil
}

// loadWideHolds reads the store's document; one that is not there is empty.
func loadWideHolds(ctx context.Context, s lock.Store) (wideHolds, lock.Version, error) {
	data, version, err := s.Load(ctx, holdsKey)
	if errors.Is(err, lock.ErrNotFound) {
		return wideHolds{Schema: Schema}, "", nil
	}
	if err != nil {
		return wideHolds{}, "", fmt.Errorf("load holds: %w", err)
	}
	var w wideHolds
	if err := json.Unmarshal(data, &w); err != nil {
		return wideHolds{}, "", fmt.Errorf("load holds: %w: %w", ErrDamaged, err)
	}
	if w.Schema > Schema+1 {
		return wideHolds{}, "", &SchemaError{Key: holdsKey, Schema: w.Schema}
	}
	return w, version, nil
}

// changeWideHolds changes the store's document, at most once for a request's id.
func changeWideHolds(ctx context.Context, s lock.Store, id string, now time.Time, change func(*wideHolds) error) error {
	for try := 1; ; try++ {
		w, version, err := loadWideHolds(ctx, s)
		if err != nil {
			return err
		}
		if w.Schema > Schema {
			return &SchemaError{Key: holdsKey, Schema: w.Schema}
		}
		if slices.ContainsFunc(w.Requests, func(a Applied) bool { return a.ID == id }) {
			return nil
		}
		if err := change(&w); err != nil {
			return err
		}
		w.Holds = slices.DeleteFunc(w.Holds, expired(now))
		w.Requests = remember(w.Requests, id, now)
		data, err := json.Marshal(w)
		if err != nil {
			return fmt.Errorf("encode holds: %w", err)
		}
		if len(data) > lock.MaxDocument {
			return refuse(Impossible, "there are too many holds: lift some")
		}
		if _, err = s.Swap(ctx, holdsKey, version, data); err == nil {
			return nil
		}
		if try == swapTries || ctx.Err() != nil {
			return fmt.Errorf("swap holds: %w", err)
		}
		if !errors.Is(err, lock.ErrConflict) {
			pause(ctx, time.Duration(try)*10*time.Millisecond)
		}
	}
}

// expired are the holds that ended more than a day before now: kept that long so
// that a person can still see who held.
func expired(now time.Time) func(lock.Hold) bool {
	return func(h lock.Hold) bool { return !h.Until.IsZero() && now.Sub(h.Until) > requestMemory }
}
