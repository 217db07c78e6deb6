package notify_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/notify"
	"github.com/muster-deploy/muster/pipeline/source/github"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// inbox is a receiver that keeps what it gets, and does as it is told.
type inbox struct {
	mu   sync.Mutex
	got  []notify.Message
	send func(context.Context, notify.Message) error
}

func (i *inbox) Send(ctx context.Context, m notify.Message) error {
	if i.send != nil {
		if err := i.send(ctx, m); err != nil {
			return err
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.got = append(i.got, m)
	return nil
}

// take empties the inbox: a line per message.
func (i *inbox) take() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var lines []string
	for _, m := range i.got {
		lines = append(lines, string(m.Kind)+": "+m.Text)
	}
	i.got = nil
	return lines
}

// last is the message that came last.
func (i *inbox) last() notify.Message {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.got[len(i.got)-1]
}

// world is a real engine on fakes, whose changes are told.
type world struct {
	*githubtest.Repository
	store  *lock.Memory
	fleet  *targettest.Memory
	engine *pipeline.Engine
	in     *inbox
	full   atomic.Bool // nothing can be prepared
}

// start starts the engine and its notifier, until the returned function is called.
func start(t *testing.T, more ...notify.Receiver) (*world, func()) {
	t.Helper()
	server := githubtest.New()
	w := &world{
		Repository: server.Repository("acme/web"), store: &lock.Memory{}, fleet: targettest.NewMemory("fleet", "a", "b"), in: &inbox{},
	}
	w.fleet.Batch = 1
	w.fleet.Hook = func(_ context.Context, p targettest.Point) error {
		if p.Phase == targettest.Prepare && w.full.Load() {
			return errors.New("the disk is full")
		}
		return nil
	}
	branch, err := github.New(github.Config{Repository: "acme/web", Branch: "main", BaseURL: githubtest.URL, Client: server.Client(),
		Token: func(context.Context) (string, error) { return githubtest.Token, nil }})
	require.NoError(t, err)
	logs := &build.MemoryStore{}
	w.engine, err = pipeline.New(pipeline.Config{
		Name: "web", Source: branch, CI: branch, Builds: &buildtest.Builds{}, Store: w.store, Logs: logs, Holder: "test",
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{w.fleet}}},
	})
	require.NoError(t, err)
	n, err := notify.New(notify.Config{Receivers: append(more, w.in)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	events := w.engine.Watch(ctx, 0)
	wait.Go(func() { n.Follow(ctx, pipeline.Open(w.store, logs, "web"), events) })
	wait.Go(func() { _ = w.engine.Run(ctx) })
	return w, func() {
		cancel()
		wait.Wait()
		closing, done := context.WithTimeout(context.Background(), time.Second)
		defer done()
		_ = n.Close(closing)
	}
}

func (w *world) push(message string) string {
	sha := w.Commit("main", githubtest.Commit{Message: message})
	w.SetCheck(sha, "test", "completed", "success")
	time.Sleep(time.Minute)
	return sha
}

func (w *world) do(t *testing.T, q pipeline.Request) string {
	t.Helper()
	id, err := w.engine.Do(context.Background(), q)
	require.NoError(t, err)
	time.Sleep(time.Minute)
	return id
}

func (w *world) live(t *testing.T) string {
	t.Helper()
	s, err := w.engine.Status(context.Background())
	require.NoError(t, err)
	require.NotNil(t, s.Live)
	return s.Live.ID
}

func TestWhatChangedIsToldAndNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := start(t)
		defer stop()
		a := w.push("Say hello")
		require.Equal(t, []string{`live: 1-` + a[:7] + ` "Say hello" is live`}, w.in.take())
		time.Sleep(time.Hour)
		require.Empty(t, w.in.take(), "an hour in which nothing changes")

		hold := w.do(t, pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: "db migration"}})
		second := w.do(t, pipeline.PlaceHold{Asked: pipeline.Asked{By: "bob", Reason: "lunch"}, Until: time.Now().Add(time.Hour)})
		require.Len(t, w.in.take(), 2)
		b := w.push("Wait for it")
		require.Empty(t, w.in.take())
		w.do(t, pipeline.LiftHold{Asked: pipeline.Asked{By: "ann"}, Hold: hold})
		require.Equal(t, []string{`lifted: no longer held by ann: "db migration"`}, w.in.take())
		require.NotEqual(t, hold, second)
		time.Sleep(time.Hour)
		told := w.in.take()
		require.Contains(t, told[0]+told[1], `lifted: no longer held by bob: "lunch"`)
		require.Contains(t, told[0]+told[1], `live: 2-`+b[:7]+` "Wait for it" is live`)

		w.do(t, pipeline.Rollback{Asked: pipeline.Asked{By: "ann", Reason: "checkout is broken"}, From: w.live(t)})
		require.Equal(t, []string{
			"broke: 2-" + b[:7] + " goes back to 1-" + a[:7] + ": checkout is broken (by ann)",
			"rolled back: 1-" + a[:7] + " is live again in place of 2-" + b[:7],
		}, w.in.take())

		c := w.push("Fix it")
		s, err := w.engine.Status(t.Context())
		require.NoError(t, err)
		w.do(t, pipeline.Resume{Asked: pipeline.Asked{By: "ann"}, Stop: s.Stop.ID, From: c})
		require.Equal(t, []string{"resumed: automation goes on from " + c[:7], "fixed: 4-" + c[:7] + ` "Fix it" with 1 more changes is live`}, w.in.take())
		w.push("Go on")
		require.Len(t, w.in.take(), 1)
	})
}

func TestADeployThatFailsIsToldAndWhatFixesItToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := start(t)
		defer stop()
		w.push("a")
		w.in.take()
		w.full.Store(true)
		bad := w.Commit("main", githubtest.Commit{Message: "b"})
		w.SetCheck(bad, "test", "completed", "success")
		time.Sleep(time.Minute)
		told := w.in.take()
		require.Len(t, told, 1)
		require.Contains(t, told[0], "broke: 2-"+bad[:7]+` "b" failed, nothing was switched`)
		require.Contains(t, told[0], "the disk is full")
		w.full.Store(false)
		w.push("c")
		require.True(t, strings.HasPrefix(w.in.take()[0], "fixed: 3-"))
	})
}

func TestAVerdictThatTurnsRedAfterLiveAndGreenAgainIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, stop := start(t)
		defer stop()
		a := w.push("a")
		w.in.take()
		w.SetCheck(a, "test", "completed", "failure")
		time.Sleep(10 * time.Minute)
		require.Equal(t, []string{"broke: " + a[:7] + " is live, but its verdict turned red after that: roll back, or push a fix"}, w.in.take())
		w.SetCheck(a, "test", "completed", "success")
		time.Sleep(10 * time.Minute)
		require.Equal(t, []string{"fixed: the verdict of " + a[:7] + " is green again"}, w.in.take())
	})
}

func TestAReceiverThatHangsDelaysNeitherTheEngineNorOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dead := &inbox{send: func(ctx context.Context, _ notify.Message) error { <-ctx.Done(); return ctx.Err() }}
		w, stop := start(t, dead)
		defer stop()
		for range 20 {
			sha := w.Commit("main", githubtest.Commit{Message: "x"})
			w.SetCheck(sha, "test", "completed", "success")
			time.Sleep(pipeline.DefaultPoll + time.Second)
			require.Contains(t, w.live(t), sha[:7])
			require.Len(t, w.in.take(), 1)
		}
	})
}
