package build_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/internal/processtest"
)

// fakeSource has one file, named REVISION, in every tree.
type fakeSource struct{}

func (fakeSource) Checkout(_ context.Context, revision, dir string) error {
	return buildtest.WriteTree(dir, map[string]string{"REVISION": revision})
}

// builderFunc is a build.Builder.
type builderFunc func(ctx context.Context, ws *build.Workspace) (build.Output, error)

func (f builderFunc) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	return f(ctx, ws)
}

// safeLog may be written and read by several goroutines.
type safeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func rev(n int) string { return fmt.Sprintf("%040x", n) }

func workshop(t *testing.T, dir string, b build.Builder, change ...func(*build.WorkshopConfig)) *build.Workshop {
	t.Helper()
	c := build.WorkshopConfig{Dir: dir, Source: fakeSource{}, Builder: b, Identity: "test 1"}
	for _, f := range change {
		f(&c)
	}
	w, err := build.NewWorkshop(c)
	require.NoError(t, err)
	return w
}

func noCheckoutsLeft(t *testing.T, dir string) {
	t.Helper()
	left, err := os.ReadDir(filepath.Join(dir, "checkouts"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestARevisionIsBuiltOnceAndFoundAgain(t *testing.T) {
	dir := t.TempDir()
	var builds atomic.Int32
	b := builderFunc(func(context.Context, *build.Workspace) (build.Output, error) {
		builds.Add(1)
		return build.Output{Tools: []build.Tool{{Name: "x", Version: "1"}}}, nil
	})
	w := workshop(t, dir, b)
	a, err := w.Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err)
	content, err := fs.ReadFile(a.Files, "REVISION")
	require.NoError(t, err)
	require.Equal(t, rev(1), string(content))

	again, err := workshop(t, dir, b).Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err, "another process")
	require.Equal(t, a.Digest, again.Digest)
	require.Equal(t, a.Tools, again.Tools)
	opened, err := w.Open(t.Context(), a.Digest)
	require.NoError(t, err)
	require.Equal(t, a.Manifest, opened.Manifest)
	require.EqualValues(t, 1, builds.Load())

	_, err = workshop(t, dir, b, func(c *build.WorkshopConfig) { c.Identity = "test 2" }).Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err)
	require.EqualValues(t, 2, builds.Load(), "another builder")
	_, err = w.Open(t.Context(), "sha256:"+strings.Repeat("0", 64))
	require.ErrorIs(t, err, build.ErrNotFound)
	noCheckoutsLeft(t, dir)
}

// gated is a builder that says when it runs and waits to be let on.
type gated struct {
	running chan struct{}
	goOn    chan struct{}
	builds  atomic.Int32
	ended   atomic.Int32
}

func newGated() *gated { return &gated{running: make(chan struct{}, 100), goOn: make(chan struct{})} }

func (g *gated) Build(ctx context.Context, ws *build.Workspace) (build.Output, error) {
	g.builds.Add(1)
	defer g.ended.Add(1)
	ws.Logf("building")
	g.running <- struct{}{}
	select {
	case <-g.goOn:
		ws.Logf("finishing")
		return build.Output{}, nil
	case <-ctx.Done():
		return build.Output{}, context.Cause(ctx)
	}
}

type answer struct {
	a   *build.Artifact
	err error
}

func ask(ctx context.Context, w *build.Workshop, revision string, log *safeLog) chan answer {
	c := make(chan answer, 1)
	go func() {
		a, err := w.Artifact(ctx, revision, log)
		c <- answer{a, err}
	}()
	return c
}

// written waits until a log holds a word.
func written(t *testing.T, log *safeLog, word string) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !strings.Contains(log.String(), word); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the log never says %q: %s", word, log)
	}
}

func TestASecondAskerJoinsTheBuildAndSeesItsLogFromThenOn(t *testing.T) {
	g := newGated()
	w := workshop(t, t.TempDir(), g)
	var one, two safeLog
	first := ask(t.Context(), w, rev(1), &one)
	<-g.running
	second := ask(t.Context(), w, rev(1), &two)
	written(t, &two, "under way")
	close(g.goOn)
	a, b := <-first, <-second
	require.NoError(t, a.err)
	require.NoError(t, b.err)
	require.Equal(t, a.a.Digest, b.a.Digest)
	require.EqualValues(t, 1, g.builds.Load())
	require.Contains(t, one.String(), "building\nfinishing\n")
	require.Contains(t, two.String(), "finishing\n")
	require.NotContains(t, two.String(), "building\n")
}

func TestABuildIsCancelledOnlyWhenAllAskersHaveGone(t *testing.T) {
	dir, g := t.TempDir(), newGated()
	w := workshop(t, dir, g)
	var log safeLog
	ctx1, leave1 := context.WithCancelCause(t.Context())
	ctx2, leave2 := context.WithCancelCause(t.Context())
	first := ask(ctx1, w, rev(1), &log)
	<-g.running
	var two safeLog
	second := ask(ctx2, w, rev(1), &two)
	written(t, &two, "under way")
	leave1(errors.New("first gave up"))
	require.ErrorContains(t, (<-first).err, "first gave up")
	require.EqualValues(t, 0, g.ended.Load(), "the second still waits")
	leave2(errors.New("second gave up"))
	require.ErrorContains(t, (<-second).err, "second gave up")
	require.EqualValues(t, 1, g.ended.Load(), "the last to leave waits for the end")
	noCheckoutsLeft(t, dir)

	third := ask(t.Context(), w, rev(1), &log)
	<-g.running
	close(g.goOn)
	require.NoError(t, (<-third).err, "a new build starts")
}

func TestTwoProcessesDoNotBuildOneRevisionTwice(t *testing.T) {
	dir, g := t.TempDir(), newGated()
	var one, two safeLog
	first := ask(t.Context(), workshop(t, dir, g), rev(1), &one)
	<-g.running
	second := ask(t.Context(), workshop(t, dir, g), rev(1), &two)
	written(t, &two, "another process")
	close(g.goOn)
	require.NoError(t, (<-first).err)
	require.NoError(t, (<-second).err)
	require.EqualValues(t, 1, g.builds.Load())
}

func TestNoMoreBuildsRunThanAreAllowed(t *testing.T) {
	g := newGated()
	w := workshop(t, t.TempDir(), g, func(c *build.WorkshopConfig) { c.Parallel = 2 })
	var logs [3]safeLog
	var answers []chan answer
	for i := range 2 {
		answers = append(answers, ask(t.Context(), w, rev(i), &logs[i]))
		<-g.running
	}
	answers = append(answers, ask(t.Context(), w, rev(2), &logs[2]))
	written(t, &logs[2], "waiting for one of 2 builds")
	require.EqualValues(t, 2, g.builds.Load())
	close(g.goOn)
	for _, a := range answers {
		require.NoError(t, (<-a).err)
	}
}

func TestABuildThatGoesWrongIsAnErrorAndLeavesNothing(t *testing.T) {
	for name, b := range map[string]builderFunc{
		"boom": func(context.Context, *build.Workspace) (build.Output, error) {
			return build.Output{}, errors.New("boom")
		},
		"panicked: oh": func(context.Context, *build.Workspace) (build.Output, error) { panic("oh") },
		"not inside":   func(context.Context, *build.Workspace) (build.Output, error) { return build.Output{Dir: "../.."}, nil },
		"leads out": func(_ context.Context, ws *build.Workspace) (build.Output, error) {
			return build.Output{Dir: "out"}, os.Symlink("/etc", filepath.Join(ws.Dir, "out"))
		},
		"no file": func(_ context.Context, ws *build.Workspace) (build.Output, error) {
			return build.Output{Dir: "out"}, os.Mkdir(filepath.Join(ws.Dir, "out"), 0o755)
		},
		"longer than 50ms": func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			<-ctx.Done()
			return build.Output{}, context.Cause(ctx)
		},
	} {
		dir := t.TempDir()
		w := workshop(t, dir, b, func(c *build.WorkshopConfig) { c.Timeout = 50 * time.Millisecond })
		_, err := w.Artifact(t.Context(), rev(1), nil)
		require.ErrorContains(t, err, name)
		noCheckoutsLeft(t, dir)
	}
}

func TestABuilderThatNeverReturnsIsNotWaitedForForEver(t *testing.T) {
	stop, running := make(chan struct{}), make(chan struct{})
	w := workshop(t, t.TempDir(), builderFunc(func(context.Context, *build.Workspace) (build.Output, error) {
		close(running)
		<-stop
		return build.Output{}, nil
	}), func(c *build.WorkshopConfig) { c.StopWait = 10 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	a := ask(ctx, w, rev(1), &safeLog{})
	<-running
	cancel()
	require.ErrorContains(t, (<-a).err, "has not returned")
	close(stop)
	_, err := w.Artifact(t.Context(), "HEAD", nil)
	require.ErrorContains(t, err, "no full commit id")
}

func TestADamagedOrMissingArtifactIsBuiltAgain(t *testing.T) {
	store := &build.MemoryStore{}
	var builds atomic.Int32
	b := builderFunc(func(context.Context, *build.Workspace) (build.Output, error) {
		builds.Add(1)
		return build.Output{}, nil
	})
	w := workshop(t, t.TempDir(), b, func(c *build.WorkshopConfig) { c.Store = store })
	a, err := w.Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err)
	key := "artifacts/" + strings.TrimPrefix(a.Digest, "sha256:")
	require.NoError(t, store.Delete(t.Context(), key))
	_, err = w.Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err)
	require.NoError(t, store.Put(t.Context(), key, strings.NewReader("rubbish")))
	_, err = w.Artifact(t.Context(), rev(1), nil)
	require.NoError(t, err)
	require.EqualValues(t, 3, builds.Load())
}

// spoilt is a store whose objects are read with one byte changed, as long as it says so.
type spoilt struct {
	build.MemoryStore
	spoil atomic.Bool
}

func (s *spoilt) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	r, err := s.MemoryStore.Get(ctx, key)
	if err != nil || !s.spoil.Load() || !strings.HasPrefix(key, "artifacts/") {
		return r, err
	}
	text, err := io.ReadAll(r)
	text[len(text)-1] ^= 1
	return io.NopCloser(bytes.NewReader(text)), err
}

func TestAnArtifactWithDamagedContentIsBuiltAgainOnceSomebodyHasReadIt(t *testing.T) {
	store := &spoilt{}
	var builds atomic.Int32
	w := workshop(t, t.TempDir(), builderFunc(func(context.Context, *build.Workspace) (build.Output, error) {
		builds.Add(1)
		return build.Output{}, nil
	}), func(c *build.WorkshopConfig) { c.Store = store })
	open := func() *build.Artifact {
		a, err := w.Artifact(t.Context(), rev(1), nil)
		require.NoError(t, err)
		return a
	}
	read := func(a *build.Artifact) error {
		_, err := fs.ReadFile(a.Files, "REVISION")
		return err
	}
	require.NoError(t, read(open()))
	store.spoil.Store(true)
	damaged := open()
	require.EqualValues(t, 1, builds.Load(), "its manifest is good: nobody knows yet")

	store.spoil.Store(false)
	require.ErrorIs(t, read(damaged), build.ErrCorrupt)
	open()
	require.EqualValues(t, 1, builds.Load(), "what is in the store is good: the fault was on the way")

	store.spoil.Store(true)
	require.ErrorIs(t, read(open()), build.ErrCorrupt)
	store.spoil.Store(false)
	require.NoError(t, read(open()))
	require.EqualValues(t, 2, builds.Load())
}

func TestTheConfigOfAWorkshopIsCheckedAllAtOnce(t *testing.T) {
	_, err := build.NewWorkshop(build.WorkshopConfig{Parallel: -1})
	for _, want := range []string{"Dir", "Source", "Builder", "Identity", "below zero"} {
		require.ErrorContains(t, err, want)
	}
}

func TestPruneKeepsWhatIsRetainedByAnybodyAndWhatWasJustUsed(t *testing.T) {
	dir := t.TempDir()
	w := workshop(t, dir, builderFunc(func(context.Context, *build.Workspace) (build.Output, error) { return build.Output{}, nil }),
		func(c *build.WorkshopConfig) { c.MaxBytes = 1 })
	var digests []string
	for i := range 4 {
		a, err := w.Artifact(t.Context(), rev(i), nil)
		require.NoError(t, err)
		digests = append(digests, a.Digest)
	}
	require.NoError(t, w.Retain("one", digests[:1]))
	require.NoError(t, w.Retain("two", digests[1:2]))
	old := time.Now().Add(-2 * time.Hour)
	for _, d := range digests[:3] {
		require.NoError(t, os.Chtimes(filepath.Join(dir, "kept", strings.TrimPrefix(d, "sha256:")), old, old))
	}
	require.NoError(t, w.Prune(t.Context()))
	for i, want := range []bool{true, true, false, true} {
		_, err := w.Open(t.Context(), digests[i])
		require.Equal(t, want, err == nil, "%d: %v", i, err)
	}
	require.Error(t, w.Retain("../x", nil))
	require.Error(t, w.Retain("x", []string{"sha256:zz"}))
}

// TestMain lets this test binary be a deployer that is killed.
func TestMain(m *testing.M) {
	if dir := os.Getenv("TEST_WORKSHOP_TO_KILL"); dir != "" {
		buildForEver(dir)
	}
	processtest.Main(m)
}

// buildForEver builds with a command that never ends.
func buildForEver(dir string) {
	w, err := build.NewWorkshop(build.WorkshopConfig{Dir: dir, Source: fakeSource{}, Identity: "1", Builder: builderFunc(
		func(ctx context.Context, ws *build.Workspace) (build.Output, error) {
			return build.Output{}, ws.Run(ctx, sh("echo $$ >pid; echo running; exec sleep 1000"))
		})})
	if err == nil {
		_, err = w.Artifact(context.Background(), rev(1), os.Stdout)
	}
	panic(err)
}

func TestWhatAKilledProcessLeftIsSweptAtTheNextStart(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "TEST_WORKSHOP_TO_KILL="+dir)
	var log safeLog
	cmd.Stdout, cmd.Stderr = &log, os.Stderr
	require.NoError(t, cmd.Start())
	written(t, &log, "\nrunning\n")
	found, err := filepath.Glob(filepath.Join(dir, "checkouts", "*", "pid"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	pid := pidIn(t, found[0])

	workshop(t, dir, newGated())
	require.True(t, alive(pid), "a checkout in use is left alone")
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	require.True(t, alive(pid), "the command outlives its deployer")
	workshop(t, dir, newGated())
	noCheckoutsLeft(t, dir)
	written(t, &log, "running")
	for end := time.Now().Add(time.Minute); alive(pid); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), "the command still runs")
	}
}
