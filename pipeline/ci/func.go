package ci

import (
	"context"
	"fmt"

	"github.com/muster-deploy/muster/pipeline"
)

// Func is a pipeline.CI that asks a function about one revision at a time. The
// function may be called concurrently.
type Func func(ctx context.Context, revision string) (pipeline.Verdict, error)

// Always is a pipeline.CI that says the same of every revision: Always(pipeline.Passed)
// is for a branch to which only what passed can be pushed.
func Always(v pipeline.Verdict) Func {
	return func(context.Context, string) (pipeline.Verdict, error) { return v, nil }
}

// Verdicts implements pipeline.CI. The first error ends it.
func (f Func) Verdicts(ctx context.Context, revisions []string) (map[string]pipeline.Verdict, error) {
	verdicts := make(map[string]pipeline.Verdict, len(revisions))
	for _, revision := range revisions {
		v, err := f(ctx, revision)
		if err != nil {
			return nil, fmt.Errorf("judge %.12s: %w", revision, err)
		}
		verdicts[revision] = v
	}
	return verdicts, nil
}
