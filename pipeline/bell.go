package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/lock"
)

// bellEvery is how often a process looks at the bell of a store: operators are
// obeyed within a second, for one small read whatever the number of pipelines.
const bellEvery = 500 * time.Millisecond

// bellRings is how many rings the bell remembers. Who missed more wakes everything.
const bellRings = 64

// everyPipeline is the name in a ring that is about all of a store's pipelines.
const everyPipeline = "*"

// bell is the document that says which pipelines have news. It is a hint: a ring
// that is lost costs one poll interval.
type bell struct {
	Seq   uint64   `json:"seq"`
	Names []string `json:"names"` // of the last rings; the last is ring Seq
}

// since returns the pipelines of the rings after seq, or false when some are
// forgotten.
func (b bell) since(seq uint64) ([]string, bool) {
	if seq > b.Seq || b.Seq-seq > uint64(len(b.Names)) {
		return nil, false
	}
	return b.Names[uint64(len(b.Names))-(b.Seq-seq):], true
}

func loadBell(ctx context.Context, s lock.Store) (bell, lock.Version, error) {
	data, version, err := s.Load(ctx, bellKey)
	if errors.Is(err, lock.ErrNotFound) {
		return bell{}, "", nil
	}
	if err != nil {
		return bell{}, "", fmt.Errorf("load bell: %w", err)
	}
	var b bell
	if json.Unmarshal(data, &b) != nil {
		return bell{}, version, nil // a hint that cannot be read is no hint
	}
	return b, version, nil
}

// ring says that a pipeline has news. It tries a few times and then leaves it to
// the next poll.
func ring(ctx context.Context, s lock.Store, name string) {
	for range 5 {
		b, version, err := loadBell(ctx, s)
		if err != nil {
			return
		}
		b.Seq++
		b.Names = newest(append(b.Names, name), bellRings)
		data, err := json.Marshal(b)
		if err != nil {
			return
		}
		if _, err = s.Swap(ctx, bellKey, version, data); !errors.Is(err, lock.ErrConflict) {
			return
		}
	}
}

// listen wakes engines when the bell of their store rings, until ctx ends.
func listen(ctx context.Context, s lock.Store, engines []*Engine) {
	var last uint64
	heard := false
	for tick := time.NewTicker(bellEvery); ; {
		b, _, err := loadBell(ctx, s)
		if err == nil && heard && b.Seq != last {
			wake(engines, b, last)
		}
		if err == nil {
			last, heard = b.Seq, true
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			tick.Stop()
			return
		}
	}
}

// wake wakes the engines of the rings after last.
func wake(engines []*Engine, b bell, last uint64) {
	names, complete := b.since(last)
	about := make(map[string]bool, len(names))
	for _, name := range names {
		about[name] = true
	}
	for _, e := range engines {
		if !complete || about[everyPipeline] || about[e.c.Name] {
			e.news.raise()
		}
	}
}
