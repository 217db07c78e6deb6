package notify_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/notify"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
	"github.com/muster-deploy/muster/target"
)

// rig is a fake pipeline that a notifier follows.
type rig struct {
	*pipelinetest.Fake
	n      *notify.Notifier
	events chan pipeline.Event
	ended  chan struct{}
	count  int
}

func follow(t *testing.T, c notify.Config) *rig {
	t.Helper()
	n, err := notify.New(c)
	require.NoError(t, err)
	r := &rig{Fake: pipelinetest.NewFake("web"), n: n, events: make(chan pipeline.Event), ended: make(chan struct{})}
	go func() { n.Follow(t.Context(), r.Fake, received(r.events)); close(r.ended) }()
	r.events <- pipeline.Event{Kind: pipeline.EventClaimed, At: time.Now()}
	synctest.Wait()
	return r
}

func received(events <-chan pipeline.Event) iter.Seq[pipeline.Event] {
	return func(yield func(pipeline.Event) bool) {
		for e := range events {
			if !yield(e) {
				return
			}
		}
	}
}

// goesLive ends a deploy well.
func (r *rig) goesLive() {
	r.count++
	id := fmt.Sprintf("%d-abc", r.count)
	r.End(pipeline.Deploy{ID: id, Kind: pipeline.KindDeploy, End: pipeline.Live, To: target.Release{ID: id, Revision: "abc"}, Ended: time.Now()}, "")
	r.events <- pipeline.Event{Kind: pipeline.EventEnded, Deploy: id}
	synctest.Wait()
}

// end ends what is followed, and returns what Close says.
func (r *rig) end(patience time.Duration) error {
	close(r.events)
	<-r.ended
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return r.n.Close(ctx)
}

func TestAReceiverThatIsAwayForAWhileLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		in := &inbox{send: func(context.Context, notify.Message) error {
			if away.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{in}})
		away.Store(true)
		for range 30 {
			r.goesLive()
			time.Sleep(time.Minute)
		}
		require.Empty(t, in.take())
		away.Store(false)
		time.Sleep(5 * time.Minute)
		told := in.take()
		require.Len(t, told, 30, "in their order, and none of them twice")
		for i, line := range told {
			require.Equal(t, fmt.Sprintf("live: %d-abc is live", i+1), line)
		}
		require.NoError(t, r.end(time.Second))
	})
}

func TestWhatIsDroppedIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		in := &inbox{send: func(context.Context, notify.Message) error {
			if away.Load() {
				return errors.New("connection refused")
			}
			return nil
		}}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{in}, Queue: 3})
		away.Store(true)
		for range 10 {
			r.goesLive()
		}
		time.Sleep(10 * time.Minute)
		away.Store(false)
		time.Sleep(10 * time.Minute)
		require.Equal(t, []string{
			"live: 8-abc is live (7 earlier messages were dropped: 7 live)", "live: 9-abc is live", "live: 10-abc is live",
		}, in.take(), "the newest are kept")

		away.Store(true)
		r.goesLive()
		time.Sleep(2 * time.Hour) // longer than its patience
		away.Store(false)
		r.goesLive()
		require.Equal(t, []string{"live: 12-abc is live (1 earlier messages were dropped: 1 live)"}, in.take())
		require.NoError(t, r.end(time.Second))
	})
}

func TestAMessageThatIsRefusedIsNotTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries atomic.Int64
		var refusal atomic.Pointer[notify.Refused]
		refusal.Store(&notify.Refused{Status: http.StatusNotFound, Said: "no_service"})
		in := &inbox{send: func(context.Context, notify.Message) error {
			if tries.Add(1) == 1 {
				return refusal.Load()
			}
			return nil
		}}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{in}})
		r.goesLive()
		time.Sleep(time.Hour)
		require.EqualValues(t, 1, tries.Load())
		require.Empty(t, in.take())

		refusal.Store(&notify.Refused{Status: http.StatusTooManyRequests, After: 40 * time.Second})
		tries.Store(0)
		r.goesLive()
		time.Sleep(39 * time.Second)
		require.EqualValues(t, 1, tries.Load(), "it asked for a pause")
		time.Sleep(2 * time.Second)
		require.Len(t, in.take(), 1)
		require.NoError(t, r.end(time.Second))
	})
}

func TestCloseWaitsAndSaysWhatIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &inbox{send: func(context.Context, notify.Message) error { time.Sleep(5 * time.Second); return nil }}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{slow}})
		r.goesLive()
		r.goesLive()
		require.NoError(t, r.end(time.Minute))
		require.Len(t, slow.take(), 2)

		dead := &inbox{send: func(context.Context, notify.Message) error { return errors.New("connection refused") }}
		r = follow(t, notify.Config{Receivers: []notify.Receiver{dead}})
		r.goesLive()
		r.goesLive()
		began := time.Now()
		require.ErrorContains(t, r.end(3*time.Second), "2 messages")
		require.Equal(t, 3*time.Second, time.Since(began))
	})
}

func TestOnlyWhatIsAskedForIsToldAndEventsThatWereLostHideNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{in}, Only: []notify.Kind{notify.Broke, notify.Fixed},
			URL: func(p, d string) string { return "https://deployer.test/" + p + "/" + d }})
		r.goesLive()
		require.Empty(t, in.take())
		r.Update(func(s *pipeline.Status) {
			s.Stop = &pipeline.Stop{ID: "s", Kind: pipeline.StopDiverged, Reason: "rewritten"}
		})
		time.Sleep(31 * time.Second) // no event at all
		synctest.Wait()
		require.Equal(t, "https://deployer.test/web/", in.last().URL)
		require.Equal(t, []string{"broke: automation is stopped: rewritten"}, in.take())
		r.Fail(errors.New("the store does not answer"))
		time.Sleep(10 * time.Minute)
		r.Fail(nil)
		r.Update(func(s *pipeline.Status) { s.Stop = nil })
		r.count++
		r.End(pipeline.Deploy{ID: "x", Kind: pipeline.KindDeploy, End: pipeline.Live}, "")
		r.events <- pipeline.Event{Kind: pipeline.EventLost, Lost: 100}
		synctest.Wait()
		require.Equal(t, []string{"fixed: x is live"}, in.take())
		require.NoError(t, r.end(time.Second))
	})
}

func TestAReasonOfAMegabyteIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{in}})
		r.End(pipeline.Deploy{
			ID: "2-x", Kind: pipeline.KindDeploy, End: pipeline.FailedEnd, Reason: strings.Repeat("ä", 1<<20), Why: strings.Repeat("\n\x00", 1<<20),
			Subject: strings.Repeat("<", 1<<20) + "\u202e", By: strings.Repeat("b", 1<<20),
		}, "")
		r.events <- pipeline.Event{Kind: pipeline.EventEnded}
		synctest.Wait()
		m := in.last()
		require.LessOrEqual(t, len(m.Text), 1500)
		require.LessOrEqual(t, len(m.Reason)+len(m.Subject)+len(m.By), 1500)
		require.NotContains(t, m.Text, "\n")
		require.True(t, strings.HasSuffix(m.Reason, "ä..."))
		require.NoError(t, r.end(time.Second))
	})
}

func TestAConfigThatCannotWork(t *testing.T) {
	t.Parallel()
	_, err := notify.New(notify.Config{Only: []notify.Kind{"everything"}, Queue: -1})
	for _, what := range []string{"Receivers", "Only", "Queue"} {
		require.ErrorContains(t, err, what)
	}
	_, err = notify.New(notify.Config{Receivers: []notify.Receiver{
		nil, notify.Slack{URL: "http://hooks.slack.com/SECRET"}, notify.Webhook{URL: "x", Secret: "short"}, notify.Webhook{Secret: "whsec_#"},
	}})
	for _, what := range []string{"[0] is nil", "[1]: URL begins with", "want https", "[2]", "16 bytes", "[3]", "base64"} {
		require.ErrorContains(t, err, what)
	}
	require.NotContains(t, err.Error(), "SECRET")
}

func TestOfTwoDeployersTheOneThatActsTells(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		acts, waits := &inbox{}, &inbox{}
		r := follow(t, notify.Config{Receivers: []notify.Receiver{acts}})
		n, err := notify.New(notify.Config{Receivers: []notify.Receiver{waits}})
		require.NoError(t, err)
		events := make(chan pipeline.Event)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go n.Follow(ctx, r.Fake, received(events))
		r.goesLive()
		time.Sleep(time.Minute)
		require.Len(t, acts.take(), 1)
		require.Empty(t, waits.take())

		r.Update(func(s *pipeline.Status) { s.Epoch++ })
		events <- pipeline.Event{Kind: pipeline.EventClaimed, At: time.Now()}
		r.goesLive()
		time.Sleep(time.Minute)
		require.Empty(t, acts.take(), "another one acts now")
		require.Equal(t, []string{"live: 2-abc is live"}, waits.take())
		close(events)
		require.NoError(t, r.end(time.Second))
		require.NoError(t, n.Close(t.Context()))
	})
}

func TestAProcessWithoutAnEngineTellsToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := &inbox{}
		n, err := notify.New(notify.Config{Receivers: []notify.Receiver{in}})
		require.NoError(t, err)
		p := pipelinetest.NewFake("web")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { n.Follow(ctx, p, nil); close(ended) }()
		synctest.Wait()
		p.End(pipeline.Deploy{ID: "x", Kind: pipeline.KindDeploy, End: pipeline.Live}, "")
		time.Sleep(time.Minute)
		require.Equal(t, []string{"live: x is live"}, in.take())
		cancel()
		<-ended
		require.NoError(t, n.Close(t.Context()))
	})
}
