package github_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github"
)

// stage is a deployer whose GitHub and whose webhooks are spoken to by real HTTP, on
// loopback. Its first change is live.
type stage struct {
	*deployer
	events <-chan pipeline.Event
	url    string // where the webhooks go
	client *http.Client
	live   string
}

func newStage(b *testing.B, latency time.Duration) *stage {
	b.Helper()
	api := httptest.NewUnstartedServer(nil)
	h := newHub(b, func(c *github.Config) {
		c.BaseURL, c.Client = "http://"+api.Listener.Addr().String(), nil
	})
	api.Config.Handler = h.server
	api.Start()
	h.server.SetBudget(1<<30, 1<<30)
	s := &stage{client: &http.Client{}, deployer: deploying(b, h, func(c *pipeline.Config) { c.Poll, c.Converge = time.Hour, time.Hour })}
	s.fleet.Batch = 0
	s.Unhook() // they are sent by hand, to know when
	incoming := httptest.NewServer(s.hooks)
	s.url = incoming.URL
	ctx, cancel := context.WithCancel(context.Background())
	events := make(chan pipeline.Event, 1<<16)
	watched := s.engine.Watch(ctx, 1<<16)
	go func() {
		for e := range watched {
			events <- e
		}
	}()
	s.events = events
	first := s.green(s.commit("first"))
	stop := s.run(b)
	b.Cleanup(func() { stop(); cancel(); incoming.Close(); api.Close() })
	s.await(b, pipeline.EventEnded)
	s.live = first
	s.rest(b)
	s.server.SetLatency(latency)
	return s
}

// await reads events until one of a kind comes, and returns when that was.
func (s *stage) await(b *testing.B, kind pipeline.EventKind) time.Time {
	b.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case e := <-s.events:
			if e.Kind == kind {
				return e.At
			}
		case <-timeout:
			b.Fatalf("no event %q: %s", kind, s.status(b).Reason)
		}
	}
}

// rest waits until the engine has nothing to do.
func (s *stage) rest(b *testing.B) {
	s.await(b, pipeline.EventReason)
}

// send posts the last event, and returns when it was sent.
func (s *stage) send(b *testing.B) time.Time {
	b.Helper()
	all := s.Deliveries()
	r := all[len(all)-1].Request(s.url, secret)
	began := time.Now()
	answer, err := s.client.Do(r)
	require.NoError(b, err)
	answer.Body.Close()
	require.Equal(b, http.StatusOK, answer.StatusCode)
	return began
}

// report says what the middle and the worst of a hundred are.
func report(b *testing.B, all []time.Duration) {
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(all[len(all)/2]), "ms-p50")
	b.ReportMetric(ms(all[(len(all)*99+99)/100-1]), "ms-p99")
}

// BenchmarkWebhookToFirstAction is from the sending of a push's webhook to the record of
// the deploy that it brings, with a GitHub that answers at once.
func BenchmarkWebhookToFirstAction(b *testing.B) {
	s := newStage(b, 0)
	var all []time.Duration
	for b.Loop() {
		s.green(s.commit("next"))
		sent := s.send(b)
		all = append(all, s.await(b, pipeline.EventBegan).Sub(sent))
		s.await(b, pipeline.EventEnded)
		s.rest(b)
	}
	report(b, all)
}

// BenchmarkGreenToActivation is from the sending of the webhook of a green verdict to
// the beginning of the first batch, for a change that was built while its checks ran.
func BenchmarkGreenToActivation(b *testing.B) {
	for name, latency := range map[string]time.Duration{"loopback": 0, "50ms-a-call": 50 * time.Millisecond} {
		b.Run(name, func(b *testing.B) {
			s := newStage(b, latency)
			var all []time.Duration
			for b.Loop() {
				next := s.commit("next")
				s.send(b)
				s.SetCheck(next, "test", "in_progress", "")
				for !slices.Contains(s.builds.Calls(), next) {
					time.Sleep(time.Millisecond)
				}
				s.rest(b)
				s.green(next)
				sent := s.send(b)
				all = append(all, s.await(b, pipeline.EventBatch).Sub(sent))
				s.await(b, pipeline.EventEnded)
				s.rest(b)
			}
			report(b, all)
		})
	}
}
