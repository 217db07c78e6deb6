package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
)

// waitLimit is how long anything may take that is waited for.
const waitLimit = 90 * time.Second

// until waits until the status is as wanted, or the deployer is gone.
func (s *scene) until(ctx context.Context, what string, wanted func(pipeline.Status) bool) (pipeline.Status, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, waitLimit, fmt.Errorf("still not %s after %s", what, waitLimit))
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		status, err := s.shop.Status(ctx)
		if err == nil && wanted(status) {
			return status, nil
		}
		select {
		case <-tick.C:
		case <-s.deployer.ended:
			return status, errEnded
		case <-ctx.Done():
			return status, context.Cause(ctx)
		}
	}
}

// live waits until a change is live and nothing is under way.
func (s *scene) live(ctx context.Context, c change) (pipeline.Status, error) {
	return s.until(ctx, "live: "+c.subject, func(st pipeline.Status) bool { return runs(st, c) })
}

// runs says whether a change is what the pipeline keeps live.
func runs(st pipeline.Status, c change) bool {
	return st.Open == nil && st.Live != nil && st.Live.Revision == c.revision
}

// ended finds how the deploy of a change ended, and notes it for the table.
func (s *scene) ended(ctx context.Context, c change, note string) (pipeline.Deploy, error) {
	for d, err := range s.shop.Deploys(ctx, "") {
		if err != nil {
			return d, err
		}
		if d.Kind == pipeline.KindDeploy && d.To.Revision == c.revision {
			s.rows = append(s.rows, row{change: c, end: d.End, took: d.Ended.Sub(c.at), note: note})
			return d, nil
		}
	}
	return pipeline.Deploy{}, fmt.Errorf("the history has no deploy of %s", c.short())
}

// pages asks every host what it serves, past the balancer.
func (s *scene) pages(ctx context.Context) []string {
	var all []string
	for _, port := range s.Ports {
		a, err := ask(ctx, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/", port))
		if err != nil {
			a.page = err.Error()
		}
		all = append(all, a.page)
	}
	return all
}

// everyHost says whether all hosts serve a change.
func (s *scene) everyHost(ctx context.Context, c change) bool {
	pages := s.pages(ctx)
	return !slices.ContainsFunc(pages, func(page string) bool { return page != c.page })
}

// why asks what a deployer would say of one change: it needs the branch, and so an
// engine, which is made here and does not run.
func (s *scene) why(ctx context.Context, c change) (pipeline.Reason, error) {
	engine, checks, err := s.engine(ctx)
	if err != nil {
		return pipeline.Reason{}, err
	}
	defer checks.Close()
	return engine.Explain(ctx, c.revision)
}

// where says what runs on each host.
func (s *scene) where(ctx context.Context, c change) (on int, sentence string) {
	state, err := s.hosts.Observe(ctx, target.Order{})
	if err != nil {
		return 0, err.Error()
	}
	pages := s.pages(ctx)
	var all []string
	for i, u := range state.Units {
		if u.Condition == target.Serving && pages[i] == c.page {
			on++
		}
		all = append(all, fmt.Sprintf("%s %s %q", u.Name, u.Condition, pages[i]))
	}
	return on, strings.Join(all, ", ")
}
