package main

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/muster-deploy/muster/pipeline"
)

// tell is the story: each chapter builds on the one before.
func (s *scene) tell(ctx context.Context) error {
	for i, chapter := range []struct {
		title string
		tell  func(context.Context) error
	}{
		{"A first deploy", s.firstDeploy},
		{"A rolling deploy, under load", s.rollingDeploy},
		{"A hold stops a change, and says why", s.hold},
		{"A broken change is rolled back by itself", s.brokenChange},
		{"What is built upon it is not shipped; the fix is, after a resume", s.fix},
		{"A deployer is killed in mid-rollout, another one finishes", s.killed},
	} {
		fmt.Printf("\n%d. %s\n\n", i+1, chapter.title)
		if err := chapter.tell(ctx); err != nil {
			return fmt.Errorf("chapter %d: %w", i+1, err)
		}
	}
	return nil
}

// say tells what happens, and when.
func (s *scene) say(format string, args ...any) {
	fmt.Printf("%6.1fs   %s\n", time.Since(s.Began).Seconds(), fmt.Sprintf(format, args...))
}

// brief makes one line of a sentence, and no long one.
func brief(sentence string) string {
	const most = 150
	sentence = strings.Join(strings.Fields(sentence), " ")
	if utf8.RuneCountInString(sentence) <= most {
		return sentence
	}
	runes := []rune(sentence)
	return string(runes[:most*2/3]) + " ... " + string(runes[len(runes)-most/3:])
}

// commit changes the page, or whatever else is named.
func (s *scene) commit(ctx context.Context, subject, old, new string) (change, error) {
	c, err := s.repository.commit(ctx, subject, old, new)
	if err == nil {
		s.say("commit %s: %s", c.short(), subject)
	}
	return c, err
}

// ship commits and waits until it is live.
func (s *scene) ship(ctx context.Context, subject, old, new string) (change, error) {
	c, err := s.commit(ctx, subject, old, new)
	if err != nil {
		return c, err
	}
	if _, err := s.live(ctx, c); err != nil {
		return c, err
	}
	s.claim(s.everyHost(ctx, c), "all hosts serve %q", c.page)
	_, err = s.ended(ctx, c, "")
	return c, err
}

func (s *scene) firstDeploy(ctx context.Context) error {
	s.say("three hosts on ports %v, a balancer at %s, all in %s", s.Ports, s.front, s.Dir)
	d, err := s.start()
	if err != nil {
		return err
	}
	s.deployer = d
	s.say("a deployer is started, process %d", d.pid())
	if _, err := s.ship(ctx, "open the shop", `"welcome"`, `"welcome"`); err != nil {
		return err
	}
	s.traffic = newTraffic(s.front)
	s.say("from now on, %d customers ask without a pause", customers)
	return nil
}

func (s *scene) rollingDeploy(ctx context.Context) error {
	before, _, _ := s.traffic.total()
	c, err := s.ship(ctx, "say it louder", `"welcome"`, `"WELCOME"`)
	if err != nil {
		return err
	}
	after, failed, first := s.traffic.total()
	s.claim(after > before && failed == 0, "%d requests were served meanwhile, %d failed%s", after-before, failed, because(first))
	s.claim(s.traffic.so(c.page) > 0, "customers see the new page already")
	return nil
}

func (s *scene) hold(ctx context.Context) error {
	s.say("on-call places a hold")
	hold, err := s.shop.Do(ctx, pipeline.PlaceHold{Asked: pipeline.Asked{By: "on-call", Reason: "database migration"}})
	if err != nil {
		return err
	}
	c, err := s.commit(ctx, "be polite", `"WELCOME"`, `"a warm welcome"`)
	if err != nil {
		return err
	}
	if err := s.notShipped(ctx, c, pipeline.CodeHeld); err != nil {
		return err
	}
	s.say("on-call lifts the hold")
	lifted := time.Now()
	if _, err := s.shop.Do(ctx, pipeline.LiftHold{Asked: pipeline.Asked{By: "on-call"}, Hold: hold}); err != nil {
		return err
	}
	if _, err := s.live(ctx, c); err != nil {
		return err
	}
	s.claim(s.everyHost(ctx, c), "all hosts serve %q, %s after the hold was lifted: it was built meanwhile", c.page, seconds(time.Since(lifted)))
	_, err = s.ended(ctx, c, "held for a while")
	return err
}

// notShipped waits until a change passed CI, and longer, and wants it not to begin for
// the reason of that code.
func (s *scene) notShipped(ctx context.Context, c change, code pipeline.Code) error {
	before, err := s.shop.Status(ctx)
	if err != nil {
		return err
	}
	if err := s.judged(ctx, c); err != nil {
		return err
	}
	select {
	case <-time.After(1500 * time.Millisecond): // three polls of the deployer
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	reason, err := s.why(ctx, c)
	if err != nil {
		return err
	}
	after, err := s.shop.Status(ctx)
	if err != nil {
		return err
	}
	s.say("why is %s not live?  %s", c.short(), brief(reason.Sentence))
	s.claim(reason.Code == code && after.Reason.Code == code, "it passed CI and is not shipped, because the pipeline is %s", code)
	s.claim(after.Open == nil && after.Live.ID == before.Live.ID, "%s is still live", before.Live.ID)
	return nil
}
