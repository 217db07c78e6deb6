//go:build integration

package selfdeploy_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
)

// Every way in which a version 3 may be no good, and who finds it out.
func TestRealSelfDeployOfABadVersionIsRolledBack(t *testing.T) {
	patient := func(w *world) { w.Self.Patience = 5 * time.Second }
	for wrong, c := range map[string]struct {
		change func(*world)
		says   string
	}{
		"dies":           {nil, "ended by itself 2 times"},
		"panics":         {nil, "ended by itself 2 times"},
		"renews nothing": {patient, "renew the lease"},
		"plans nothing":  {patient, "does not find its repository"},
		"hangs":          {func(w *world) { w.Self.Limit = 6 * time.Second }, "not declared live within 6s"},
	} {
		t.Run(wrong, func(t *testing.T) {
			t.Parallel()
			d := newDrill(t, c.change)
			d.live("deployer", d.commit("deployer", "ok"))
			d.serves(2)
			began := time.Now()
			d.commit("deployer", wrong)
			require.Contains(t, d.rolledBack(2).Stop.Reason, c.says)
			t.Logf("rolled back, and at work again, after %v", time.Since(began))
		})
	}
}

// Where the guard is slower than the host's script, the script puts the version back
// that served before, and that one reports it.
func TestRealSelfDeployIsPutBackByTheHost(t *testing.T) {
	t.Parallel()
	d := newDrill(t, func(w *world) { w.Self.Crashes, w.HostPatience = 1000, 5*time.Second })
	d.live("deployer", d.commit("deployer", "ok"))
	d.serves(2)
	d.commit("deployer", "dies")
	require.Contains(t, d.rolledBack(2).Stop.Reason, "this host has put it back")
}

// Every process on the host that belongs to the deployer is killed, one at a time and at
// random moments, while a version deploys itself.
func TestRealSelfDeploySurvivesKills(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	d := newDrill(t, func(w *world) { w.Self.Crashes, w.Bake = 1000, 500*time.Millisecond })
	kills := 0
	for range 6 {
		n := d.commit("deployer", "ok")
		for range 3 {
			time.Sleep(time.Duration(random.IntN(1500)) * time.Millisecond)
			kills += d.killOne(random)
		}
		d.live("deployer", n)
		d.serves(n)
		d.works()
	}
	t.Logf("%d processes were killed", kills)
	require.Positive(t, kills)
}

// With two hosts one stands by, of either version.
func TestRealSelfDeployOverTwoHosts(t *testing.T) {
	t.Parallel()
	d := newDrill(t, func(w *world) { w.Ports = append(w.Ports, w.Spare) })
	d.live("deployer", d.commit("deployer", "ok"))
	d.serves(2)
	d.works()
	d.commit("deployer", "panics")
	d.rolledBack(2)
}

// No version runs any more: somebody rolls back and settles from a laptop.
func TestRealSelfDeployByHand(t *testing.T) {
	t.Parallel()
	d := newDrill(t, nil)
	st := d.live("deployer", d.commit("deployer", "ok"))
	d.serves(2)
	require.NoError(t, d.deployers.Stop(t.Context()))
	require.Contains(t, d.answer(), "refused")

	d.byHand("rollback", "-pipeline", "deployer", "-from", st.Live.ID, "-reason", "no version of it runs", "-yes")
	d.byHand("settle", "-pipeline", "deployer")
	d.rolledBack(1)
	for e, err := range d.own.Deploys(t.Context(), "") {
		require.NoError(t, err)
		require.Equal(t, pipeline.RolledBack, e.End)
		break
	}
}

// killOne kills a process of a host's group other than its supervisor: the deployer, or
// a guard, with its child. It returns how many that were: one, or none.
func (d *drill) killOne(random *rand.Rand) int {
	var group []int
	if text, err := os.ReadFile(d.path("hosts/d1/supervisor/pid")); err == nil {
		var leader int
		_, _ = fmt.Sscan(string(text), &leader)
		group = members(leader)
	}
	if len(group) == 0 {
		return 0
	}
	kill(group[random.IntN(len(group))])
	return 1
}

// answer is what a host's deployer says of its health.
func (d *drill) answer() string {
	resp, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", d.Ports[0]))
	if err != nil {
		return err.Error()
	}
	resp.Body.Close()
	return resp.Status
}
