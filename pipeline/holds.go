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
	return slices.DeleteFunc(pausing(holds), func(h lock.Hold) bool { return h.Level != lock.Everything })
}

// wideHolds is the document of the holds whose scope is wider than one pipeline.
type wideHolds struct {
	Schema   int         `json:"schema"`
	Holds    []lock.Hold `json:"holds"`
	Requests []Applied   `json:"requests,omitempty"`
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
	if w.Schema > Schema {
		return wideHolds{}, "", &SchemaError{Key: holdsKey, Schema: w.Schema}
	}
	return w, version, nil
}

// expired are the holds that ended more than a day before now: kept that long so
// that a person can still see who held.
func expired(now time.Time) func(lock.Hold) bool {
	return func(h lock.Hold) bool { return !h.Until.IsZero() && now.Sub(h.Until) > requestMemory }
}
