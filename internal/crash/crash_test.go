package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
)

var (
	all   = flag.Bool("all", os.Getenv("CI") == "true", "kill at every step, not at some")
	start = flag.Int("start", -1, "the first step to kill at, where not all are taken; -1: another one each time")
)

// worlds run side by side: most of the time goes by with waiting for leases.
const worlds = 2

// sample is how many steps there are for each one that is tried, if not all are.
const sample = 8

// fewest is how many writes a deploy, or a rollback, has at least. A test that kills
// nobody would pass.
const fewest = 8

// TestLaw10_KilledAtAnyWriteTheNextDeployerFinishes kills a deployer right before
// and right after the n-th write of its record, for every n, in a deploy and in the
// rollback that follows. Side effects lie between the writes: killed before a write, a
// deployer has done what it would record; killed after one, it has not begun what it
// had announced.
func TestLaw10_KilledAtAnyWriteTheNextDeployerFinishes(t *testing.T) {
	first, step := 0, 1
	if !*all {
		if first, step = *start, sample; first < 0 {
			first = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)).IntN(sample)
		}
		t.Logf("every %dth step; repeat with -start %d, or take all with -all", sample, first)
	}
	for n := range worlds {
		t.Run(fmt.Sprintf("world %d", n), func(t *testing.T) {
			t.Parallel()
			newWorld(t).history(first+n*step, worlds*step)
		})
	}
}

// history takes a world through pairs of a deploy and its rollback, killed at the steps
// first, first+step and so on, until both are longer than that.
func (w *world) history(first, step int) {
	const good = 1 // the release that every rollback comes back to
	deploys, rollbacks, last := true, true, first
	for i := first; deploys || rollbacks; i += step {
		o := w.orders
		o.Head++
		w.Head = o.Head
		o.Kill, o.After = i/2+1, i%2 == 1
		name := fmt.Sprintf("step %d (write %d, after: %v)", i, o.Kill, o.After)
		deploys = w.crash(o)
		st := w.holds("deploy killed at "+name, good, o.Head)
		require.Nil(w, st.Stop)

		_, err := w.web.Do(w.Context(), pipeline.Rollback{
			Asked: pipeline.Asked{By: "test", Reason: name}, From: st.Live.ID})
		require.NoError(w, err)
		rollbacks = w.crash(o)
		st = w.holds("rollback killed at "+name, o.Head, good)
		require.NotNil(w, st.Stop, "automation stays stopped")
		_, err = w.web.Do(w.Context(), pipeline.Resume{
			Asked: pipeline.Asked{By: "test"}, Stop: st.Stop.ID, From: revision(o.Head + 1)})
		require.NoError(w, err)
		last = i
	}
	w.Logf("%d deployers were killed; the last step was %d", w.kills, last)
	require.Greater(w, last, 2*fewest, "deployers write their record more often than this")
}
