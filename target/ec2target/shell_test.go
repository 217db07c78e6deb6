package ec2target_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/budget"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/managed"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/httpdepot"
	"github.com/muster-deploy/muster/target/targettest"
)

// shells is a fleet of instances with a real sh each, which fetch from a real server.
type shells struct {
	*ec2test.Cloud
	dir   string
	ids   []string
	calls *budget.Calls
	c     ec2target.Config
	off   sync.Map // ids that are cut off
}

// Cut implements targettest.Cutter.
func (s *shells) Cut(id string, off bool) {
	s.off.Store(id, off)
	s.Cloud.Cut(id, off)
}

// impatient waits no longer than a second for an instance that is cut off. The limits of
// the fleet and of SSM, which are for machines that are slow, end it the same way.
type impatient struct {
	host.Transport
	off *sync.Map
	id  string
}

func (i impatient) Run(ctx context.Context, c host.Call) error {
	if off, _ := i.off.Load(i.id); off == true {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Second)
		defer cancel()
	}
	return i.Transport.Run(ctx, c)
}

func newShells(t targettest.TB, c ec2test.Config, n int) *shells {
	s := &shells{Cloud: ec2test.New(c), dir: t.TempDir()}
	for range n {
		s.Join()
	}
	var server *httptest.Server
	depot, err := httpdepot.New(httpdepot.Config{Dir: t.TempDir(), URL: "http://127.0.0.1/"})
	if err == nil {
		server = httptest.NewServer(depot)
		t.Cleanup(server.Close)
		depot, err = httpdepot.New(httpdepot.Config{Dir: t.TempDir(), URL: server.URL + "/"})
	}
	if err != nil {
		t.Fatalf("open a depot: %v", err)
	}
	server.Config.Handler = depot
	ms := time.Millisecond
	s.calls = &budget.Calls{PerSecond: 10_000, Burst: 10_000, Pause: ms}
	sender, err := runcommand.New(runcommand.Config{Client: s.Cloud, Calls: s.calls, First: 10 * ms, Poll: 10 * ms, Gather: 10 * ms})
	if err != nil {
		t.Fatalf("open a sender: %v", err)
	}
	s.c = ec2target.Config{
		Name:    "web",
		Members: &managed.Instances{Client: s.Cloud, Tags: tags, Calls: s.calls},
		Reach: func(i ec2target.Instance) host.Transport {
			return impatient{Transport: sender.Instance(i.ID), off: &s.off, id: i.ID}
		},
		Host: host.Config{
			Root: ec2test.Root, Packs: &host.Packs{Depot: depot}, Shared: []string{"log/"},
			Restart:  []string{"sh", "-c", `printf '%s\n' "$1 $MUSTER_ARTIFACT $MUSTER_INSTANCE" >>../../../restarts`, "sh", `it's; $(false) {{ssm:secret}}`},
			Check:    []string{"sh", "-c", `! grep -q "^$MUSTER_ARTIFACT$" ../../../sick 2>/dev/null || { echo "the app says: no database" >&2; exit 1; }`},
			Probes:   1,
			Interval: 10 * ms, Patience: 50 * ms,
		},
		Fleet: fleet.Config{Canary: -1, Batch: fleet.Number(2), ObserveLimit: 10 * time.Second, Interval: ms},
	}
	return s
}

func (s *shells) Open() (target.Target, error) { return ec2target.New(s.c) }

func (s *shells) Join() string {
	id := fmt.Sprintf("i-%08x", len(s.ids)+1)
	s.ids = append(s.ids, id)
	dir := s.path(id)
	if err := os.Mkdir(dir, 0o755); err != nil {
		panic(err)
	}
	return s.Launch(ec2test.Instance{ID: id, Tags: tags, Machine: &ec2test.Shell{Dir: dir, Env: []string{"MUSTER_INSTANCE=" + id}}})
}

func (s *shells) path(id string, more ...string) string {
	return filepath.Join(append([]string{s.dir, id}, more...)...)
}

func (s *shells) Drift(id string) {
	_ = os.Remove(s.path(id, "app", "current"))
	if err := os.Symlink("/nowhere", s.path(id, "app", "current")); err != nil {
		panic(err)
	}
}

func (s *shells) Artifact(n int) *build.Artifact {
	return buildtest.Artifact(map[string]string{
		"app*":         fmt.Sprintf("#!/bin/sh\necho %d\n", n),
		"lib/it's; $x": "quoted {{ssm:x}}\n",
	})
}

func (s *shells) order(number uint64, n int) target.Order {
	return target.Order{Number: number, Release: target.Release{ID: fmt.Sprint(n), Digest: s.Artifact(n).Digest}}
}

func (s *shells) ship(t *testing.T, to target.Target, number uint64, n int) error {
	t.Helper()
	require.NoError(t, to.Prepare(t.Context(), s.order(number, n), s.Artifact(n)))
	return to.Activate(t.Context(), s.order(number, n))
}

func TestWhatIsRunIsToldAsItIs(t *testing.T) {
	t.Parallel()
	s := newShells(t, ec2test.Config{}, 3)
	web, err := s.Open()
	require.NoError(t, err)
	require.NoError(t, s.ship(t, web, 1, 1))
	for _, id := range s.ids {
		told, err := os.ReadFile(s.path(id, "restarts"))
		require.NoError(t, err)
		assert.Equal(t, "it's; $(false) {{ssm:secret}} "+s.Artifact(1).Digest+" "+id+"\n", string(told))
	}
	assert.LessOrEqual(t, s.Calls()["SendCommand"], 10, "three hosts are asked together")
}

func TestAHostThatFailsPutsItselfBackAndSaysWhy(t *testing.T) {
	t.Parallel()
	s := newShells(t, ec2test.Config{}, 2)
	web, err := s.Open()
	require.NoError(t, err)
	require.NoError(t, s.ship(t, web, 1, 1))
	require.NoError(t, os.WriteFile(s.path(s.ids[0], "sick"), []byte(s.Artifact(2).Digest+"\n"), 0o600))
	err = s.ship(t, web, 2, 2)
	var unit *target.UnitError
	require.ErrorAs(t, err, &unit)
	assert.Equal(t, s.ids[0], unit.Unit)
	var f *host.Failure
	require.ErrorAs(t, err, &f)
	assert.Equal(t, host.Done, f.Back)
	assert.Contains(t, f.Output, "the app says: no database")
	state, err := web.Observe(t.Context(), target.Order{})
	require.NoError(t, err)
	assert.Equal(t, s.Artifact(1).Digest, state.Units[0].Digest)
	assert.Equal(t, target.Serving, state.Units[0].Condition)
}

func TestNothingOfWhatWasRunIsLeftOnAnInstance(t *testing.T) {
	t.Parallel()
	s := newShells(t, ec2test.Config{}, 1)
	scratch := s.path(s.ids[0], "tmp")
	require.NoError(t, os.Mkdir(scratch, 0o755))
	s.Launch(ec2test.Instance{ID: s.ids[0], Tags: tags, Machine: &ec2test.Shell{Dir: s.path(s.ids[0]), Env: []string{"TMPDIR=" + scratch}}})
	web, err := s.Open()
	require.NoError(t, err)
	require.NoError(t, s.ship(t, web, 1, 1))
	left, err := os.ReadDir(scratch)
	require.NoError(t, err)
	assert.Empty(t, left)
}

func TestNoHostMatches(t *testing.T) {
	t.Parallel()
	s := newShells(t, ec2test.Config{}, 0)
	web, err := s.Open()
	require.NoError(t, err)
	_, err = web.Observe(t.Context(), target.Order{})
	require.ErrorContains(t, err, "there are none; check the selection")
	s.c.Members = &managed.Instances{Client: s.Cloud}
	web, err = s.Open()
	require.NoError(t, err)
	require.ErrorContains(t, web.Activate(t.Context(), s.order(1, 1)), "neither Tags nor IDs")
}

func TestTwoFleetsOfOneSenderKeepApart(t *testing.T) {
	t.Parallel()
	s := newShells(t, ec2test.Config{}, 2)
	one, err := s.Open()
	require.NoError(t, err)
	s.c.Host.Root = strings.Replace(ec2test.Root, "/app", "/other", 1)
	two, err := s.Open()
	require.NoError(t, err)
	for _, id := range s.ids {
		require.NoError(t, os.Mkdir(s.path(id, "other"), 0o755))
	}
	require.NoError(t, s.ship(t, one, 5, 1))
	require.NoError(t, s.ship(t, two, 1, 2))
	for _, id := range s.ids {
		link, err := os.Readlink(s.path(id, "app", "current"))
		require.NoError(t, err)
		assert.Contains(t, s.Artifact(1).Digest, filepath.Base(link))
		link, err = os.Readlink(s.path(id, "other", "current"))
		require.NoError(t, err)
		assert.Contains(t, s.Artifact(2).Digest, filepath.Base(link))
	}
}
