//go:build integration

package sshhost_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/internal/partstest/haproxytest"
	"github.com/muster-deploy/muster/internal/partstest/sshdtest"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/recipe"
	"github.com/muster-deploy/muster/target/host/sshhost"
	"github.com/muster-deploy/muster/target/host/transporttest"
)

// reach is the way to a host.
func reach(t *testing.T, h *sshdtest.Host) *sshhost.Transport {
	return open(t, sshhost.Config{
		Address: h.Address, User: "root", KnownHosts: []string{h.KnownHosts}, Keys: []string{h.Key},
		DialLimit: 3 * time.Second, Keepalive: 3 * time.Second, KillLimit: time.Minute,
	})
}

func TestRealServerPassesTheSuite(t *testing.T) {
	transporttest.TestTransport(t, reach(t, sshdtest.Start(t, 1)[0]))
}

// site is an app on its hosts, behind its balancer, under its load.
type site struct {
	*testing.T
	name     string
	hosts    []*sshdtest.Host
	balancer *haproxytest.Balancer
	fleet    *fleet.Fleet
	number   uint64

	mu        sync.Mutex
	unplugged []time.Time
}

const port = "8080"

func newSite(t *testing.T, name string, hosts []*sshdtest.Host, env ...string) *site {
	t.Helper()
	s := &site{T: t, name: name, hosts: hosts}
	backends := map[string]string{}
	for _, h := range hosts {
		backends[h.Name] = h.Address + ":" + port
	}
	s.balancer = haproxytest.Start(t, backends, "/")
	run := recipe.Process{
		Command:  recipe.Procfile("web"),
		Settings: "env", Env: append(env, "PORT="+port),
	}
	packs := &host.Packs{}
	var members []fleet.Host
	for _, h := range hosts {
		require.NoError(t, os.MkdirAll(filepath.Join(h.Dir, "shared"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(h.Dir, "shared/env"), []byte("SECRET_KEY_BASE=of "+h.Name+"\n"), 0o600))
		one, err := host.New(host.Config{
			Name: h.Name, Root: h.Dir, Transport: reach(t, h), Restart: run.Words(), URL: "http://" + h.Address + ":" + port + "/",
			Probes: 2, Interval: 200 * time.Millisecond, Patience: 2 * time.Minute, ProbeLimit: 20 * time.Second, Packs: packs,
		})
		require.NoError(t, err)
		members = append(members, fleet.Host{Name: h.Name, Target: one})
	}
	var err error
	s.fleet, err = fleet.New(fleet.Config{
		Name: name, Hosts: func(context.Context) ([]fleet.Host, error) { return members, nil },
		Batch: fleet.Percent(30), Wide: fleet.Percent(50), Budget: 2, Balancer: s.balancer,
		Probes: 1, Interval: 100 * time.Millisecond, ObserveLimit: 30 * time.Second,
	})
	require.NoError(t, err)
	return s
}

func (s *site) order(a *build.Artifact, intent target.Intent, report func(target.Progress)) error {
	s.number++
	o := target.Order{Number: s.number, Intent: intent, Release: target.Release{ID: "r", Digest: a.Digest}, Report: report}
	if intent != target.Backward {
		if err := s.fleet.Prepare(s.Context(), o, a); err != nil && intent == target.Forward {
			return err
		}
	}
	begun := time.Now()
	err := s.fleet.Activate(s.Context(), o)
	s.Logf("%s: order %d (%s) took %.1f s", s.name, s.number, intent, time.Since(begun).Seconds())
	return err
}

// on counts the hosts that serve a.
func (s *site) on(a *build.Artifact) (n int) {
	state, err := s.fleet.Observe(s.Context(), target.Order{})
	require.NoError(s, err)
	for _, u := range state.Units {
		if u.Condition == target.Serving && u.Digest == a.Digest {
			n++
		}
	}
	return n
}

// pulling pulls the cables of two hosts in the midst of a rollout: of one that has just
// been switched, and of the last one, which nobody has touched.
func (s *site) pulling() func(target.Progress) {
	begun := map[string]bool{}
	return func(p target.Progress) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if p.Phase != "switch" || len(s.unplugged) > 0 {
			return
		}
		if begun[p.Unit] = true; len(begun) <= max(1, len(s.hosts)/4) {
			return // the first one would stop it all
		}
		for _, h := range s.hosts {
			if h.Name == p.Unit || h == s.hosts[len(s.hosts)-1] {
				h.Unplug(s)
				s.unplugged = append(s.unplugged, time.Now())
			}
		}
	}
}

// live takes the app from one release to the next and back under load.
func (s *site) live(one, two *build.Artifact) {
	require.NoError(s, s.order(one, target.Forward, nil))
	require.Equal(s, len(s.hosts), s.on(one))
	l := startLoad(s.T, s.balancer.URL)
	assert.NoError(s, s.order(two, target.Forward, s.pulling()))
	assert.NoError(s, s.order(one, target.Backward, nil))
	l.end()
	assert.Len(s, s.unplugged, 2)
	under, others := l.split(s.unplugged)
	s.Logf("%s: %d requests in deploy and rollback; failed: %d under way when a host was unplugged, %d others",
		s.name, l.answered, len(under), len(others))
	assert.Empty(s, others)
	assert.LessOrEqual(s, len(under), 2*loaders)
	assert.Greater(s, l.answered, 100)
	for _, h := range s.hosts {
		h.Plug(s)
	}
	assert.NoError(s, s.order(one, target.Again, nil))
	assert.Equal(s, len(s.hosts), s.on(one), "what was unplugged is brought along")
}

func TestRealHostsRollUnderLoadWhileSomeAreUnplugged(t *testing.T) {
	hosts := sshdtest.Start(t, 20)
	var both sync.WaitGroup
	var rails, java [2]*build.Artifact
	both.Go(func() { rails[0], rails[1] = railsApp(t).revisions(t) })
	both.Go(func() { java[0], java[1] = javaApp(t).revisions(t) })
	both.Wait()
	if t.Failed() {
		return
	}
	sites := []*site{
		newSite(t, "rails", hosts[:5], "RAILS_ENV=production", "RAILS_LOG_TO_STDOUT=1"),
		newSite(t, "java", hosts[5:]),
	}
	both.Go(func() { sites[0].live(rails[0], rails[1]) })
	both.Go(func() { sites[1].live(java[0], java[1]) })
	both.Wait()
	if t.Failed() {
		log, _ := os.ReadFile(filepath.Join(hosts[0].Dir, "shared/process/log"))
		t.Logf("the end of an app's log: %s", tailOf(string(log)))
	}
}

func tailOf(s string) string { return strings.ToValidUTF8(s[max(0, len(s)-2000):], "?") }
