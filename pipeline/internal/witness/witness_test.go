package witness_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/internal/witness"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
)

// rig is a fake pipeline and what a witness saw of it.
type rig struct {
	*pipelinetest.Fake
	events  chan pipeline.Event
	looks   chan witness.Look
	trouble atomic.Int64
	lost    atomic.Int64
	done    chan struct{}
}

func watch(ctx context.Context) *rig {
	r := &rig{
		Fake: pipelinetest.NewFake("web"), events: make(chan pipeline.Event), looks: make(chan witness.Look, 1000), done: make(chan struct{}),
	}
	r.ends("old")
	r.ends("before")
	go func() {
		defer close(r.done)
		witness.Follow(ctx, witness.Config{
			Pipeline: r.Fake, Every: time.Minute,
			Events: func(yield func(pipeline.Event) bool) {
				for e := range r.events {
					yield(e)
				}
			},
			See:     func(_ context.Context, l witness.Look) { r.looks <- l },
			Trouble: func(error) { r.trouble.Add(1) },
			Lost:    func(n int) { r.lost.Add(int64(n)) },
		})
	}()
	synctest.Wait()
	return r
}

func (r *rig) ends(id string) { r.End(pipeline.Deploy{ID: id, Ended: time.Now()}, "") }

// next is the next look, as a line.
func (r *rig) next(t *testing.T) string {
	t.Helper()
	synctest.Wait()
	require.NotEmpty(t, r.looks)
	l := <-r.looks
	text := fmt.Sprintf("first %v acting %v:", l.First, l.Acting)
	for _, d := range l.Ended {
		text += " " + d.ID
	}
	return text
}

func TestLooksAtOnceAtNewsAndNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t.Context())
		require.Equal(t, "first true acting false: before", r.next(t))
		r.events <- pipeline.Event{Kind: pipeline.EventProblem}
		synctest.Wait()
		require.Empty(t, r.looks, "no news")
		r.ends("1")
		r.ends("2")
		r.events <- pipeline.Event{Kind: pipeline.EventEnded, Deploy: "2"}
		require.Equal(t, "first false acting true: 1 2", r.next(t), "who tells of deploys acts")
		time.Sleep(time.Minute)
		require.Equal(t, "first false acting true:", r.next(t))
		r.events <- pipeline.Event{Kind: pipeline.EventBatch, Deploy: "3-rollback"}
		require.Equal(t, "first false acting true:", r.next(t), "a rollback that a person began")
		r.events <- pipeline.Event{Kind: pipeline.EventProgress, Deploy: "3-rollback"}
		synctest.Wait()
		require.Empty(t, r.looks)
		r.ends("4")
		close(r.events)
		require.Equal(t, "first false acting true: 4", r.next(t), "what happened last is seen, too")
		<-r.done
	})
}

func TestWhatCouldNotBeReadIsInTheNextLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t.Context())
		r.next(t)
		r.Fail(errors.New("the store does not answer"))
		r.ends("1")
		r.events <- pipeline.Event{Kind: pipeline.EventClaimed, At: time.Now()}
		time.Sleep(5 * time.Minute)
		require.Empty(t, r.looks)
		require.GreaterOrEqual(t, r.trouble.Load(), int64(5))
		r.Fail(nil)
		time.Sleep(time.Minute)
		require.Equal(t, "first false acting true: 1", r.next(t))
		close(r.events)
		<-r.done
	})
}

func TestWhoWasOvertakenDoesNotAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t.Context())
		r.next(t)
		r.events <- pipeline.Event{Kind: pipeline.EventClaimed, At: time.Now()}
		require.Equal(t, "first false acting true:", r.next(t))
		r.Update(func(s *pipeline.Status) { s.Epoch = 2 })
		r.ends("1")
		time.Sleep(time.Minute)
		require.Equal(t, "first false acting false: 1", r.next(t))
		r.events <- pipeline.Event{Kind: pipeline.EventLost, Lost: 5, At: time.Now()} // a claim may have been among them
		require.Equal(t, "first false acting true:", r.next(t))
		require.EqualValues(t, 5, r.lost.Load())
		close(r.events)
		<-r.done
	})
}

func TestWhatEndedBeforeTheClaimWasHeardOfIsNotMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := watch(t.Context())
		r.next(t)
		r.ends("another's")
		time.Sleep(90 * time.Second)
		require.Equal(t, "first false acting false: another's", r.next(t))
		claimed := time.Now()
		r.ends("own")
		time.Sleep(time.Minute)
		require.Equal(t, "first false acting false: own", r.next(t))
		r.events <- pipeline.Event{Kind: pipeline.EventClaimed, At: claimed} // it waited in the queue
		require.Equal(t, "first false acting true: own", r.next(t))
		close(r.events)
		<-r.done
	})
}

func TestAPipelineOfWhichNothingIsRecordedIsSeenEmpty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		p := pipelinetest.NewFake("web")
		p.Fail(fmt.Errorf("load record: %w", pipeline.ErrNoPipeline))
		var looks atomic.Int64
		done := make(chan struct{})
		go func() {
			defer close(done)
			witness.Follow(ctx, witness.Config{
				Pipeline: p, Every: time.Minute, Trouble: func(err error) { t.Error(err) },
				See: func(_ context.Context, l witness.Look) {
					looks.Add(1)
					if !l.Acting || len(l.Ended) > 0 {
						t.Errorf("%+v", l)
					}
				},
			})
		}()
		time.Sleep(3*time.Minute + time.Second)
		require.EqualValues(t, 4, looks.Load())
		cancel()
		<-done
	})
}
