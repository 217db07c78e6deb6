package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/pipeline"
)

// asked is what GitHub said of a change, and when.
type asked struct {
	verdict pipeline.Verdict
	at      time.Time
	news    uint64 // how often a webhook spoke of it; the verdict is older than news
	stale   bool   // a webhook says that there is news
}

// Bounds of asking. A branch has more open verdicts than that when CI was away, or
// when it never judged the older changes.
const (
	askNewest  = 10 // open verdicts that are asked for each time, from the newest
	askOthers  = 10 // others, those first that were not asked for the longest
	askAtOnce  = 4
	fresh      = time.Second // how long a passed verdict is not asked for again
	maxAsked   = 5000        // verdicts that are remembered
	maxSignals = 5000        // statuses, or check runs, of one change
)

// Verdicts implements pipeline.CI. It asks for what is open, and again for what has
// passed: before every step of a deploy, and every Config.Recheck for what is live.
func (b *Branch) Verdicts(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	todo := b.choose(revisions)
	var g errgroup.Group
	g.SetLimit(askAtOnce)
	for _, revision := range todo {
		g.Go(func() error { return b.ask(ctx, revision) })
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	verdicts := make(map[string]pipeline.Verdict, len(revisions))
	for _, revision := range revisions {
		if v := b.verdicts[revision].verdict; v != pipeline.Pending {
			verdicts[revision] = v
		}
	}
	b.forget(revisions)
	return verdicts, nil
}

// choose returns the revisions to ask about. Those of which a webhook spoke come
// first, then the newest, then those that have waited longest.
func (b *Branch) choose(revisions []string) []string {
	thrifty := b.api.limits.thrifty(time.Now())
	b.mu.Lock()
	defer b.mu.Unlock()
	var todo, open []string
	for i, revision := range revisions {
		a, known := b.verdicts[revision]
		switch {
		case !validRevision.MatchString(revision):
		case a.stale:
			todo = append(todo, revision)
		case !known || a.verdict == pipeline.Pending || a.verdict == pipeline.Failed && i == 0:
			open = append(open, revision)
		case len(revisions) == 1 && revision != b.base:
			if time.Since(a.at) >= fresh {
				todo = append(todo, revision)
			}
		case !thrifty && time.Since(a.at) >= b.c.Recheck:
			open = append(open, revision)
		}
	}
	newest := min(askNewest, len(open))
	todo = append(todo, open[:newest]...)
	others := slices.Clone(open[newest:])
	slices.SortStableFunc(others, func(x, y string) int { return b.verdicts[x].at.Compare(b.verdicts[y].at) })
	return append(todo, others[:min(askOthers, len(others))]...)
}

// forget drops what was not asked about lately, when too much is remembered. The caller
// holds mu.
func (b *Branch) forget(but []string) {
	if len(b.verdicts) <= max(maxAsked, 2*len(but)) {
		return
	}
	kept := make(map[string]asked, len(but))
	for _, revision := range but {
		if a, ok := b.verdicts[revision]; ok {
			kept[revision] = a
		}
	}
	b.verdicts = kept
}

// ask asks GitHub for the verdict of one change and remembers it. News that a webhook
// brings meanwhile make it be asked for again.
func (b *Branch) ask(ctx context.Context, revision string) error {
	began := time.Now()
	b.mu.Lock()
	news := b.verdicts[revision].news
	b.mu.Unlock()
	verdict, err := b.verdict(ctx, revision)
	if err != nil {
		return fmt.Errorf("judge %.12s: %w", revision, err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.verdicts[revision]
	b.verdicts[revision] = asked{verdict: verdict, at: began, news: a.news, stale: a.news != news}
	return nil
}

// verdict asks for the statuses and the check runs of one change, at once.
func (b *Branch) verdict(ctx context.Context, revision string) (pipeline.Verdict, error) {
	var statuses, runs []signal
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { statuses, err = b.statuses(ctx, revision); return err })
	g.Go(func() (err error) { runs, err = b.runs(ctx, revision); return err })
	err := g.Wait()
	if refusedWith(err, http.StatusUnprocessableEntity) {
		return pipeline.Pending, nil // GitHub has not heard of it yet
	}
	if err != nil {
		return pipeline.Pending, err
	}
	return judge(append(statuses, runs...), b.c.Required), nil
}

// statuses are the last ones of each context.
func (b *Branch) statuses(ctx context.Context, revision string) ([]signal, error) {
	path := fmt.Sprintf("/commits/%s/status?per_page=%d", revision, perPage)
	return b.signals(ctx, path, "statuses", func(body []byte) (page []signal, total int, err error) {
		var of struct {
			SHA      string `json:"sha"`
			Total    int    `json:"total_count"`
			Statuses []struct {
				Context string `json:"context"`
				State   string `json:"state"`
			} `json:"statuses"`
		}
		if err := decode(body, &of); err != nil {
			return nil, 0, err
		}
		if of.SHA != revision {
			return nil, 0, fmt.Errorf("GitHub's answer is about %.12q", of.SHA)
		}
		for _, s := range of.Statuses {
			page = append(page, signal{s.Context, ofState(s.State)})
		}
		return page, of.Total, nil
	})
}

// runs are the last check runs of each name.
func (b *Branch) runs(ctx context.Context, revision string) ([]signal, error) {
	path := fmt.Sprintf("/commits/%s/check-runs?filter=latest&per_page=%d", revision, perPage)
	return b.signals(ctx, path, "check runs", func(body []byte) (page []signal, total int, err error) {
		var of struct {
			Total *int `json:"total_count"`
			Runs  []struct {
				Name       string `json:"name"`
				HeadSHA    string `json:"head_sha"`
				Status     string `json:"status"`
				Conclusion string `json:"conclusion"`
			} `json:"check_runs"`
		}
		if err := decode(body, &of); err != nil {
			return nil, 0, err
		}
		if of.Total == nil {
			return nil, 0, errors.New("GitHub's answer does not say how many there are")
		}
		for _, r := range of.Runs {
			if r.HeadSHA != revision {
				return nil, 0, fmt.Errorf("GitHub's answer is about %.12q", r.HeadSHA)
			}
			page = append(page, signal{r.Name, ofRun(r.Status, r.Conclusion)})
		}
		return page, *of.Total, nil
	})
}

// signals reads all pages of a list. One that is not whole at its end is an error: what
// is missing may have failed.
func (b *Branch) signals(
	ctx context.Context, path, what string, read func([]byte) ([]signal, int, error),
) (all []signal, err error) {
	total := 0
	for n := 0; path != ""; n++ {
		path, err = b.api.get(ctx, path, func(body []byte) error {
			page, of, err := read(body)
			all, total = append(all, page...), of
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case n == maxPages || len(all) > maxSignals:
			return nil, fmt.Errorf("list %s: there are more than %d", what, len(all))
		}
	}
	if len(all) < total {
		b.api.known.clear() // what was remembered may be what is not whole
		return nil, fmt.Errorf("list %s: GitHub listed %d of %d", what, len(all), total)
	}
	return all, nil
}

// heard notes that there is news of a change, and reports whether the change is one
// that was asked about.
func (b *Branch) heard(revision string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	a, known := b.verdicts[revision]
	if known {
		a.stale, a.news = true, a.news+1
		b.verdicts[revision] = a
	}
	return known
}
