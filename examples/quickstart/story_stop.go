package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/pipeline"
)

// The line of the shop that breaks, and what it becomes.
const (
	goodPrice   = `return 30 * apples, nil`
	brokenPrice = `return 0, fmt.Errorf("no price for %d apples", apples)`
	fixedPrice  = `return 25 * apples, nil`
)

func (s *scene) brokenChange(ctx context.Context) error {
	before, err := s.shop.Status(ctx)
	if err != nil {
		return err
	}
	c, err := s.commit(ctx, "compute prices anew", goodPrice, brokenPrice)
	if err != nil {
		return err
	}
	s.say("it compiles and passes CI, but /health will fail with it")
	batches := 0
	st, err := s.until(ctx, "rolled back", func(st pipeline.Status) bool {
		batches = max(batches, batch(st, c))
		return st.Stop != nil && st.Open == nil
	})
	if err != nil {
		return err
	}
	d, err := s.ended(ctx, c, "")
	if err != nil {
		return err
	}
	took, err := s.rollbackTime(ctx)
	if err != nil {
		return err
	}
	s.rows[len(s.rows)-1].note = "rollback took " + seconds(took)
	s.claim(d.End == pipeline.RolledBack, "%s ended: %s", d.ID, d.End)
	s.claim(batches == 1, "the first of %d hosts was touched, the others were not", hostCount)
	s.claim(st.Live.ID == before.Live.ID, "%s is live again, %s after the health check had failed", st.Live.ID, seconds(took))
	pages := s.pages(ctx)
	s.claim(pages[0] == pages[1] && pages[1] == pages[2], "all hosts serve %q", pages[0])
	s.claim(len(st.Excluded) == 1 && st.Excluded[0].Revision == c.revision, "%s is in quarantine", c.short())
	s.say("the pipeline says: %s", brief(st.Reason.Sentence))
	return nil
}

// rollbackTime is how long the last rollback took, from its record to its end.
func (s *scene) rollbackTime(ctx context.Context) (time.Duration, error) {
	for d, err := range s.shop.Deploys(ctx, "") {
		if err != nil {
			return 0, err
		}
		if d.Kind == pipeline.KindRollback {
			return d.Ended.Sub(d.Began), nil
		}
	}
	return 0, errors.New("the history has no rollback")
}

func (s *scene) fix(ctx context.Context) error {
	c, err := s.commit(ctx, "wish a good day", `"a warm welcome"`, `"a warm welcome, and a good day"`)
	if err != nil {
		return err
	}
	if err := s.notShipped(ctx, c, pipeline.CodeStopped); err != nil {
		return err
	}
	fixed, err := s.commit(ctx, "fix prices", brokenPrice, fixedPrice)
	if err != nil {
		return err
	}
	st, err := s.shop.Status(ctx)
	if err != nil {
		return err
	}
	s.say("on-call resumes from %s", fixed.short())
	_, err = s.shop.Do(ctx, pipeline.Resume{
		Asked: pipeline.Asked{By: "on-call", Reason: "fixed"}, Stop: st.Stop.ID, From: fixed.revision,
	})
	if err != nil {
		return err
	}
	if st, err = s.live(ctx, fixed); err != nil {
		return err
	}
	s.claim(s.everyHost(ctx, fixed), "all hosts serve %q", fixed.page)
	s.claim(st.Stop == nil, "automation is on again")
	_, err = s.ended(ctx, fixed, "after a resume")
	return err
}

// judged waits until CI has passed a change: the deployer keeps its verdicts.
func (s *scene) judged(ctx context.Context, c change) error {
	files, err := build.OpenDirStore(s.path("files"))
	if err != nil {
		return err
	}
	defer files.Close()
	_, err = s.until(ctx, "judged", func(pipeline.Status) bool {
		r, err := files.Get(ctx, fmt.Sprintf("ci/ci/%s.verdict", c.revision))
		if err == nil {
			r.Close()
		}
		return err == nil
	})
	return err
}
