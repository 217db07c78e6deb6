package selfdeploy

import (
	"context"
	"errors"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// source is a branch of one change, which can be out of reach.
type source struct{ down atomic.Bool }

func (s *source) Changes(context.Context, string) ([]pipeline.Change, error) {
	if s.down.Load() {
		return nil, errors.New("the repository is down")
	}
	return []pipeline.Change{{Revision: strings.Repeat("1", 40)}}, nil
}

func (s *source) IsAncestor(context.Context, string, string) (bool, error) { return true, nil }

// builds has one artifact.
type builds struct{ one *build.Artifact }

func (b builds) Artifact(context.Context, string, io.Writer) (*build.Artifact, error) {
	return b.one, nil
}

func (b builds) Open(context.Context, string) (*build.Artifact, error) { return b.one, nil }

var release = buildtest.Artifact(map[string]string{"deployer*": "1"})

// scene is a deployer of one pipeline in memory.
type scene struct {
	*Deployer
	store  *lock.Memory
	source *source
	engine *pipeline.Engine
}

func newScene(t *testing.T) *scene {
	t.Helper()
	d, err := New(Config{Artifact: release.Digest, Dir: t.TempDir()})
	require.NoError(t, err)
	s := &scene{Deployer: d, store: &lock.Memory{}, source: &source{}}
	s.engine, err = pipeline.New(pipeline.Config{
		Name: "deployer", Source: s.source, CI: ci.Always(pipeline.Passed), Builds: builds{release},
		Stages: []pipeline.Stage{{Name: "hosts", Targets: []target.Target{targettest.NewMemory("hosts", "a")}}},
		Store:  s.store, Logs: &build.MemoryStore{},
	})
	require.NoError(t, err)
	return s
}

// healthy says what the health check gets.
func (s *scene) healthy() bool {
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	return w.Code == 200 && w.Header().Get("Muster-Artifact") == release.Digest
}

func (s *scene) check(digest string) pipeline.Outcome {
	outcome, _ := s.Check().Run(context.Background(), pipeline.Subject{Release: target.Release{Digest: digest}})
	return outcome
}

// during looks while f is run in a bubble.
func (s *scene) during(t *testing.T, f func(ctx context.Context)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	looked := make(chan struct{})
	go func() { defer close(looked); s.look(ctx, []*pipeline.Engine{s.engine}) }()
	f(ctx)
	cancel()
	<-looked
}

// grant is a lease somebody holds, or has left behind.
func (s *scene) claimed(t *testing.T) {
	t.Helper()
	require.NoError(t, s.engine.Settle(t.Context()))
}

func TestHealthyIsWhoPlansAndRenews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		require.False(t, s.healthy(), "it has shown nothing")
		s.during(t, func(ctx context.Context) {
			run, stop := context.WithCancel(ctx)
			ran := make(chan error, 1)
			go func() { ran <- s.engine.Run(run) }()
			time.Sleep(3 * time.Second)
			require.False(t, s.healthy(), "it has planned and holds the lease, but has not renewed it")
			time.Sleep(30 * time.Second)
			require.True(t, s.healthy())
			require.Equal(t, pipeline.Good, s.check(release.Digest))
			require.Equal(t, pipeline.CannotTell, s.check("sha256:another"))
			stop()
			require.NoError(t, <-ran)
			time.Sleep(2 * time.Minute)
			require.False(t, s.healthy(), "nobody renews any more")
		})
	})
}

func TestAGrantThatWasLeftBehindIsNoSignOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.claimed(t)
		lease, err := lock.Acquire(t.Context(), s.store, "pipelines/deployer/lease", lock.Options{Duration: time.Hour})
		require.NoError(t, err)
		defer lease.Close(t.Context())
		s.during(t, func(context.Context) {
			time.Sleep(10 * time.Minute)
			require.False(t, s.healthy())
		})
	})
}

func TestWhoStandsByIsHealthyButDoesNotPassTheCheck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.claimed(t)
		first, err := lock.Acquire(t.Context(), s.store, "pipelines/deployer/lease", lock.Options{})
		require.NoError(t, err)
		s.during(t, func(context.Context) {
			time.Sleep(time.Minute)
			require.True(t, s.healthy())
			require.NoError(t, first.Close(t.Context()))
			second, err := lock.Acquire(t.Context(), s.store, "pipelines/deployer/lease", lock.Options{Duration: time.Minute})
			require.NoError(t, err)
			defer second.Close(t.Context())
			time.Sleep(6 * time.Second)
			require.True(t, s.healthy(), "a lease that changes hands makes nobody sick")
			require.Equal(t, pipeline.CannotTell, s.check(release.Digest), "the new grant was not renewed yet")
			time.Sleep(time.Minute)
			require.Equal(t, pipeline.Good, s.check(release.Digest))
		})
	})
}

func TestARepositoryThatIsDownMakesTheCheckWaitAndRestartsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene(t)
		s.source.down.Store(true)
		s.during(t, func(ctx context.Context) {
			run, stop := context.WithCancel(ctx)
			ran := make(chan error, 1)
			go func() { ran <- s.engine.Run(run) }()
			time.Sleep(time.Minute)
			require.False(t, s.healthy(), "it never planned")
			s.source.down.Store(false)
			time.Sleep(time.Minute)
			require.True(t, s.healthy())
			s.source.down.Store(true)
			time.Sleep(time.Minute)
			require.True(t, s.healthy())
			require.Equal(t, pipeline.CannotTell, s.check(release.Digest))
			time.Sleep(DefaultPatience)
			require.Equal(t, pipeline.Bad, s.check(release.Digest))
			stop()
			require.NoError(t, <-ran)
		})
	})
}

func TestByHandTheHostsHaveTheWord(t *testing.T) {
	d := &Deployer{c: Config{Start: []string{"./deployer", "run"}}.filled()}
	require.Equal(t, []string{"./deployer", "run"}, d.Command())
	outcome, _ := d.Check().Run(t.Context(), pipeline.Subject{})
	require.Equal(t, pipeline.Good, outcome)
}

func TestConfigComplainsOfAllAtOnce(t *testing.T) {
	_, err := New(Config{Start: []string{"/usr/bin/deployer"}, Artifact: "v2", Crashes: -1, Patience: -1})
	for _, complaint := range []string{`"/usr/bin/deployer"`, `"v2"`, "Crashes is -1", "Patience"} {
		require.ErrorContains(t, err, complaint)
	}
}

func TestTheReleaseThatWasTriedIsRemembered(t *testing.T) {
	root := t.TempDir()
	d, err := New(Config{Artifact: release.Digest, Dir: filepath.Join(root, "releases", "1")})
	require.NoError(t, err)
	require.Empty(t, d.tried())
	require.NoError(t, d.try("3-abc"))
	require.NoError(t, d.try("4-abc"))
	require.Equal(t, "4-abc", d.tried())
	files, err := os.ReadDir(filepath.Join(root, "shared", "selfdeploy"))
	require.NoError(t, err)
	require.Len(t, files, 1)
}
