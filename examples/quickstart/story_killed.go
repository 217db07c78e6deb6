package main

import (
	"context"
	"time"

	"github.com/muster-deploy/muster/pipeline"
)

func (s *scene) killed(ctx context.Context) error {
	c, err := s.commit(ctx, "have a sale", `"a warm welcome, and a good day"`, `"a warm welcome: apples for less"`)
	if err != nil {
		return err
	}
	before, err := s.until(ctx, "half way", func(st pipeline.Status) bool { return batch(st, c) == 2 })
	if err != nil {
		return err
	}
	died := time.Now()
	s.deployer.kill()
	s.say("the deployer, process %d, is killed with -9", s.deployer.pid())
	on, where := s.where(ctx, c)
	s.say("%s", where)
	s.claim(on >= 1 && on < hostCount, "%d of %d hosts run the new release, and customers are served", on, hostCount)
	next, err := s.start()
	if err != nil {
		return err
	}
	s.deployer = next
	s.say("another one is started, process %d; it waits until the dead one's lease has run out", next.pid())
	after, err := s.live(ctx, c)
	if err != nil {
		return err
	}
	s.takeover = time.Since(died)
	s.claim(s.everyHost(ctx, c), "all hosts serve %q, %s after the kill", c.page, seconds(s.takeover))
	s.claim(after.Epoch > before.Epoch && after.Number > before.Number, "it finished under epoch %d, after %d", after.Epoch, before.Epoch)
	if _, err = s.ended(ctx, c, "its deployer was killed"); err != nil {
		return err
	}
	s.say("the deployer is asked to leave")
	s.claim(s.deployer.stop() == nil, "it has handed the lease back, and ended")
	s.deployer = nil
	return nil
}

// batch is the last one that the deploy of a change has begun; 0 if it is not open.
func batch(st pipeline.Status, c change) int {
	if st.Open == nil || st.Open.To.Revision != c.revision || st.Open.Stages[stageName] == nil {
		return 0
	}
	return st.Open.Stages[stageName].Targets[targetName].Batch
}
