package ci_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
)

// trees holds a file "revision" in each tree.
type trees struct {
	mu   sync.Mutex
	fail error
}

func (x *trees) Checkout(_ context.Context, revision, dir string) error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.fail != nil {
		return x.fail
	}
	return os.WriteFile(filepath.Join(dir, "revision"), []byte(revision), 0o644)
}

func (x *trees) set(err error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.fail = err
}

// runner plays the command.
type runner struct {
	mu    sync.Mutex
	began []string // revisions, in order
	now   int
	most  int // at once
	play  func(ctx context.Context, revision string) error
}

func (r *runner) Run(ctx context.Context, dir string, _ build.Command, log io.Writer) error {
	data, err := os.ReadFile(filepath.Join(dir, "revision"))
	if err != nil {
		return err
	}
	revision := string(data)
	r.mu.Lock()
	r.began = append(r.began, revision)
	r.now++
	r.most = max(r.most, r.now)
	r.mu.Unlock()
	defer func() { r.mu.Lock(); defer r.mu.Unlock(); r.now-- }()
	fmt.Fprintf(log, "testing %s\n", revision)
	if r.play == nil {
		return nil
	}
	return r.play(ctx, revision)
}

func (r *runner) runs() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.began...)
}

// red is what a runner says of a command that ran and failed.
var red = &build.CommandError{Command: "go test", Code: 1, Err: errors.New("exit status 1")}

// takes is a command that takes a minute, unless it is stopped.
func takes(err error) func(context.Context, string) error {
	return func(ctx context.Context, _ string) error {
		select {
		case <-time.After(time.Minute):
			return err
		case <-ctx.Done():
			return &build.CommandError{Code: -1, Err: ctx.Err()}
		}
	}
}

func newCommand(t *testing.T, c ci.Config) *ci.Command {
	t.Helper()
	if c.Trees == nil {
		c.Trees = &trees{}
	}
	c.Command.Name = "check"
	c.Dir = t.TempDir()
	checks, err := ci.New(c)
	require.NoError(t, err)
	return checks
}

func verdicts(t *testing.T, c pipeline.CI, revisions ...string) map[string]pipeline.Verdict {
	t.Helper()
	v, err := c.Verdicts(t.Context(), revisions)
	require.NoError(t, err)
	return v
}

func TestVerdictsNeverWaitsForTheCommand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runner{play: takes(nil)}
		c := newCommand(t, ci.Config{Runner: r})
		defer c.Close()
		woken := 0
		c.Notify(func() { woken++ })
		began := time.Now()
		require.Empty(t, verdicts(t, c, "a"))
		require.Empty(t, verdicts(t, c, "a"))
		require.Zero(t, time.Since(began))
		synctest.Wait()
		time.Sleep(time.Minute)
		synctest.Wait()
		require.Equal(t, 1, woken)
		require.Equal(t, map[string]pipeline.Verdict{"a": pipeline.Passed}, verdicts(t, c, "a"))
		require.Equal(t, []string{"a"}, r.runs(), "once")
	})
}

func TestTheNewestChangeIsJudgedFirstAndNotTooManyAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runner{play: takes(nil)}
		c := newCommand(t, ci.Config{Runner: r, Parallel: 2})
		defer c.Close()
		verdicts(t, c, "c", "b", "a")
		synctest.Wait()
		verdicts(t, c, "e", "d", "c", "b", "a")
		for range 5 {
			time.Sleep(time.Minute)
			synctest.Wait()
		}
		runs := r.runs()
		require.ElementsMatch(t, []string{"c", "b"}, runs[:2])
		require.ElementsMatch(t, []string{"e", "d"}, runs[2:4], "what came later is newer")
		require.Equal(t, "a", runs[4])
		require.Equal(t, 2, r.most)
	})
}

func TestRecallStartsNothingAndKnowsWhatOthersHaveJudged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &build.MemoryStore{}
		r := &runner{play: takes(nil)}
		c := newCommand(t, ci.Config{Runner: r, Store: store})
		defer c.Close()
		known, err := c.Recall(t.Context(), []string{"a"})
		require.NoError(t, err)
		require.Empty(t, known)
		time.Sleep(time.Hour)
		require.Empty(t, r.runs())
		verdicts(t, c, "a")
		time.Sleep(time.Hour)
		for _, c := range []*ci.Command{c, newCommand(t, ci.Config{Runner: r, Store: store})} {
			known, err = c.Recall(t.Context(), []string{"b", "a"})
			require.NoError(t, err)
			require.Equal(t, map[string]pipeline.Verdict{"a": pipeline.Passed}, known)
		}
		require.Equal(t, []string{"a"}, r.runs())
	})
}

func TestWhatIsAskedForLastComesFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runner{play: takes(nil)}
		c := newCommand(t, ci.Config{Runner: r})
		defer c.Close()
		verdicts(t, c, "b", "a")
		verdicts(t, c, "d")
		time.Sleep(5 * time.Minute)
		require.Equal(t, []string{"b", "d", "a"}, r.runs())
	})
}

func TestWhatNobodyAsksForAgainIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &runner{play: func(context.Context, string) error { time.Sleep(20 * time.Minute); return nil }}
		c := newCommand(t, ci.Config{Runner: r})
		defer c.Close()
		verdicts(t, c, "b", "a")
		time.Sleep(15 * time.Minute)
		verdicts(t, c, "c", "b")
		time.Sleep(time.Hour)
		synctest.Wait()
		require.Equal(t, []string{"b", "c"}, r.runs(), "b is live by then, and a older")
		verdicts(t, c, "a")
		time.Sleep(time.Hour)
		require.Equal(t, []string{"b", "c", "a"}, r.runs())
	})
}

func TestACommandThatFailsHangsOrLeavesADaemonIsRed(t *testing.T) {
	for name, err := range map[string]error{
		"failed": red,
		"slow":   &build.CommandError{Code: -1, Err: build.ErrTimeout},
		"silent": &build.CommandError{Code: -1, Err: build.ErrIdle},
		"daemon": &build.CommandError{Code: -1, Err: build.ErrDaemon},
		"killed": &build.CommandError{Code: -1, Err: &exec.ExitError{}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCommand(t, ci.Config{Runner: &runner{play: takes(err)}})
				defer c.Close()
				verdicts(t, c, "a")
				time.Sleep(2 * time.Minute)
				require.Equal(t, pipeline.Failed, verdicts(t, c, "a")["a"])
			})
		})
	}
}

func TestWhatCouldNotBeJudgedStaysPendingAndIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		x, r := &trees{fail: errors.New("the repository is gone")}, &runner{}
		woken := 0
		c := newCommand(t, ci.Config{Trees: x, Runner: r, Retry: time.Hour, Log: slog.New(slog.NewTextHandler(&log, nil))})
		defer c.Close()
		c.Notify(func() { woken++ })
		ask := func() pipeline.Verdict { v := verdicts(t, c, "a")["a"]; synctest.Wait(); return v }
		require.Equal(t, pipeline.Pending, ask())
		x.set(nil)
		time.Sleep(time.Hour - time.Second)
		require.Equal(t, pipeline.Pending, ask())
		require.Empty(t, r.runs(), "it rests first")
		require.Zero(t, woken, "there is no news")
		time.Sleep(time.Second)
		ask()
		require.Equal(t, pipeline.Passed, ask())
		require.Contains(t, log.String(), "the repository is gone")
	})
}

func TestAProgramThatIsNotThereSaysNothingAboutTheChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCommand(t, ci.Config{Runner: &runner{play: takes(&build.CommandError{Code: -1, Err: exec.ErrNotFound})}})
		defer c.Close()
		verdicts(t, c, "a")
		time.Sleep(time.Hour)
		require.Equal(t, pipeline.Pending, verdicts(t, c, "a")["a"])
	})
}

func TestARestartJudgesNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &build.MemoryStore{}
		play := func(_ context.Context, revision string) error {
			if revision == "b" {
				return red
			}
			return nil
		}
		first := newCommand(t, ci.Config{Runner: &runner{play: play}, Store: store})
		verdicts(t, first, "b", "a")
		synctest.Wait()
		require.NoError(t, first.Close())

		r := &runner{}
		second := newCommand(t, ci.Config{Runner: r, Store: store})
		defer second.Close()
		require.Equal(t, map[string]pipeline.Verdict{"a": pipeline.Passed, "b": pipeline.Failed}, verdicts(t, second, "b", "a"))
		require.Empty(t, r.runs())
		log, err := second.Log(t.Context(), "b")
		require.NoError(t, err)
		text, err := io.ReadAll(log)
		require.NoError(t, err)
		require.Contains(t, string(text), "testing b\n")
		require.Contains(t, string(text), "exit status 1")

		other := newCommand(t, ci.Config{Runner: r, Store: store, Name: "other"})
		defer other.Close()
		require.Empty(t, verdicts(t, other, "a"), "another name, another verdict")
	})
}

func TestARunThatIsCutOffStaysPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &build.MemoryStore{}
		killed := func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return red // by its signal's exit code
		}
		c := newCommand(t, ci.Config{Runner: &runner{play: killed}, Store: store})
		verdicts(t, c, "b", "a")
		synctest.Wait()
		require.NoError(t, c.Close())
		require.Empty(t, verdicts(t, c, "b", "a"))

		r := &runner{}
		again := newCommand(t, ci.Config{Runner: r, Store: store})
		defer again.Close()
		require.Empty(t, verdicts(t, again, "b", "a"))
		synctest.Wait()
		require.Equal(t, []string{"b", "a"}, r.runs())
	})
}

// broken is a store that does not answer.
type broken struct{ build.Store }

func (broken) Get(context.Context, string) (io.ReadCloser, error) {
	return nil, errors.New("no answer")
}

func TestAStoreThatDoesNotAnswerIsAnError(t *testing.T) {
	c := newCommand(t, ci.Config{Runner: &runner{}, Store: broken{}})
	defer c.Close()
	_, err := c.Verdicts(t.Context(), []string{"a"})
	require.ErrorContains(t, err, "no answer")
}

func TestADamagedVerdictIsJudgedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &build.MemoryStore{}
		for revision, text := range map[string]string{"a": `{"revision":"a","ver`, "b": `{"revision":"a","verdict":"passed"}`, "c": `{"revision":"c","verdict":"green"}`} {
			require.NoError(t, store.Put(t.Context(), "ci/ci/"+revision+".verdict", strings.NewReader(text)))
		}
		c := newCommand(t, ci.Config{Runner: &runner{}, Store: store})
		defer c.Close()
		require.Empty(t, verdicts(t, c, "a", "b", "c"))
		synctest.Wait()
		require.Len(t, verdicts(t, c, "a", "b", "c"), 3)
	})
}

func TestARevisionCannotLeaveItsPlace(t *testing.T) {
	c := newCommand(t, ci.Config{Runner: &runner{}, Store: &build.MemoryStore{}})
	defer c.Close()
	for _, revision := range []string{"../../etc/passwd", "a/b", "", strings.Repeat("a", 200)} {
		_, err := c.Verdicts(t.Context(), []string{revision})
		require.Error(t, err, revision)
		_, err = c.Log(t.Context(), revision)
		require.ErrorIs(t, err, build.ErrNotFound)
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	_, err := ci.New(ci.Config{Parallel: -1, Name: "../x"})
	for _, want := range []string{"Trees is missing", "command without a name", "negative", `Name is "../x"`} {
		require.ErrorContains(t, err, want)
	}
}

// TestARealCommand runs the shell on a real checkout, with a secret.
func TestARealCommand(t *testing.T) {
	store := &build.MemoryStore{}
	dir := t.TempDir()
	c, err := ci.New(ci.Config{
		Trees: &trees{}, Store: store, Dir: dir,
		Command: build.Command{
			Name: "sh", Args: []string{"-c", `echo "token $TOKEN"; mkdir locked && touch locked/x && chmod 500 locked; grep -q good revision`},
			Secrets: map[string]string{"TOKEN": "s3cr3t-value"},
		},
	})
	require.NoError(t, err)
	defer c.Close()
	news := make(chan struct{}, 2)
	c.Notify(func() { news <- struct{}{} })
	verdicts(t, c, "good", "bad")
	<-news
	<-news
	require.Equal(t, map[string]pipeline.Verdict{"good": pipeline.Passed, "bad": pipeline.Failed}, verdicts(t, c, "good", "bad"))
	log, err := c.Log(t.Context(), "bad")
	require.NoError(t, err)
	text, err := io.ReadAll(log)
	require.NoError(t, err)
	require.Contains(t, string(text), "token ")
	require.NotContains(t, string(text), "s3cr3t-value")
	require.NoError(t, c.Close())
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "checkouts are removed")
}

func TestManualSaysWhatItWasTold(t *testing.T) {
	var m ci.Manual
	woken := 0
	require.Empty(t, verdicts(t, &m, "a"))
	m.Notify(func() { woken++ })
	m.Set("a", pipeline.Failed)
	require.Equal(t, map[string]pipeline.Verdict{"a": pipeline.Failed}, verdicts(t, &m, "a", "b"))
	other := 0
	m.Notify(func() { other++ })
	m.Set("a", pipeline.Pending)
	require.Empty(t, verdicts(t, &m, "a"))
	require.Equal(t, 2, woken)
	require.Equal(t, 1, other)
}

func TestFuncAsksAboutEach(t *testing.T) {
	require.Equal(t, map[string]pipeline.Verdict{"a": pipeline.Passed, "b": pipeline.Passed}, verdicts(t, ci.Always(pipeline.Passed), "a", "b"))
	f := ci.Func(func(context.Context, string) (pipeline.Verdict, error) { return "", errors.New("no answer") })
	_, err := f.Verdicts(t.Context(), []string{"a"})
	require.ErrorContains(t, err, "judge a: no answer")
}

func ExampleAlways() {
	checks := ci.Always(pipeline.Passed)
	verdicts, err := checks.Verdicts(context.Background(), []string{"3f9a1c0"})
	fmt.Println(verdicts["3f9a1c0"], err)
	// Output: passed <nil>
}
