package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/muster-deploy/muster/lock"
)

// pageSize is how many deploys a page of the history holds at most; pageBytes is
// when it is full before that.
const (
	pageSize  = 100
	pageBytes = lock.MaxDocument / 2
)

// historyPage is one document of the history, oldest deploy first.
type historyPage struct {
	Schema  int      `json:"schema"`
	Deploys []Deploy `json:"deploys"`
}

func (d desk) loadPage(ctx context.Context, page int) (historyPage, lock.Version, error) {
	key := keys(d.name).history(page)
	data, version, err := d.store.Load(ctx, key)
	if errors.Is(err, lock.ErrNotFound) {
		return historyPage{Schema: Schema}, "", nil
	}
	if err != nil {
		return historyPage{}, "", fmt.Errorf("load %s: %w", key, err)
	}
	var p historyPage
	if err := json.Unmarshal(data, &p); err != nil {
		return historyPage{}, "", fmt.Errorf("load %s: %w: %w", key, ErrDamaged, err)
	}
	if p.Schema > Schema+1 {
		return historyPage{}, "", &SchemaError{Key: key, Schema: p.Schema}
	}
	return p, version, nil
}

// file moves the deploys that have ended from the record into the history. A crash
// between the two writes files them again under the same ids, which changes nothing.
func (d desk) file(ctx context.Context, r Record) (filed []string, page int, err error) {
	for page = r.Page; ; page++ {
		p, version, err := d.loadPage(ctx, page)
		if err != nil {
			return nil, page, err
		}
		left := p.add(r.Ended)
		data, err := json.Marshal(p)
		if err != nil {
			return nil, page, fmt.Errorf("encode history: %w", err)
		}
		if full := len(p.Deploys) >= pageSize || len(data) > pageBytes; full && left > 0 && version != "" {
			continue // this page is closed, the next one takes them
		}
		if left > 0 {
			if _, err := d.store.Swap(ctx, keys(d.name).history(page), version, data); err != nil {
				return nil, page, fmt.Errorf("write history: %w", err)
			}
		}
		for _, e := range r.Ended {
			filed = append(filed, e.ID)
		}
		return filed, page, nil
	}
}

// add appends the deploys that are not on the page yet and returns their number.
func (p *historyPage) add(deploys []Deploy) int {
	added := 0
	for _, e := range deploys {
		if !slices.ContainsFunc(p.Deploys, func(o Deploy) bool { return o.ID == e.ID }) {
			p.Deploys = append(p.Deploys, e)
			added++
		}
	}
	return added
}

// filed takes the deploys that the history holds out of the record.
func (r *Record) filed(ids []string, page int) {
	r.Ended = slices.DeleteFunc(r.Ended, func(e Deploy) bool { return slices.Contains(ids, e.ID) })
	r.Page = page
}

// Deploys implements Pipeline.
func (d desk) Deploys(ctx context.Context, before string) iter.Seq2[Deploy, error] {
	return func(yield func(Deploy, error) bool) {
		r, _, err := d.load(ctx)
		if err != nil {
			yield(Deploy{}, err)
			return
		}
		seen := map[string]bool{}
		skipping := before != ""
		page := historyPage{Deploys: r.Ended}
		for n := r.Page + 1; ; {
			for _, e := range slices.Backward(page.Deploys) {
				again := seen[e.ID]
				seen[e.ID] = true
				if !again && !skipping && !yield(e, nil) {
					return
				}
				skipping = skipping && e.ID != before
			}
			if n--; n < 0 {
				return
			}
			if page, _, err = d.loadPage(ctx, n); err != nil {
				yield(Deploy{}, err)
				return
			}
		}
	}
}
