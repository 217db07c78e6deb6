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
	start = flag.Int("start", -1, "the step to kill at, where not all are taken; -1: another one each time")
)

// worlds run side by side: most of the time goes by with waiting for leases.
const worlds = 2

// few is how many steps lie between the two that are tried, if not all are. A
// deploy, or a rollback, has more steps than this: a test that kills nobody would pass.
const few = 16

// TestLaw10_KilledAtAnyWriteTheNextDeployerFinishes kills a deployer right before
// and right after the n-th write of its record, for every n, in a deploy and in the
// rollback that follows. Side effects lie between the writes: killed before a write, a
// deployer has done what it would record; killed after one, it has not begun what it
// had announced.
func TestLaw10_KilledAtAnyWriteTheNextDeployerFinishes(t *testing.T) {
	if *all {
		for n := range worlds {
			t.Run(fmt.Sprintf("world %d", n), func(t *testing.T) {
				t.Parallel()
				newWorld(t).history(n, worlds)
			})
		}
		return
	}
	first := *start
	if first < 0 {
		first = rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0)).IntN(few)
	}
	t.Logf("two of the steps; repeat with -start %d, or take all with -all", first)
	for _, step := range []int{first, first + few} {
		t.Run(fmt.Sprintf("step %d", step), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.pair(step)
			require.Positive(t, w.kills)
		})
	}
}

// good is the release that every rollback comes back to.
const good = 1

// history takes a world through pairs of a deploy and its rollback, killed at the steps
// first, first+step and so on, until both are longer than that.
func (w *world) history(first, step int) {
	last := first
	for deploys, rollbacks := true, true; deploys || rollbacks; last += step {
		deploys, rollbacks = w.pair(last)
	}
	w.Logf("%d deployers were killed; the last step was %d; %d requests were answered", w.kills, last-step, w.front.answered.Load())
	require.Greater(w, last-step, few, "deployers write their record more often than this")
}

// pair is a deploy and its rollback, both killed at one step, if they have so many.
func (w *world) pair(step int) (deploy, rollback bool) {
	o := w.orders
	o.Head++
	w.Head = o.Head
	o.Kill, o.After = step/2+1, step%2 == 1
	name := fmt.Sprintf("step %d (write %d, after: %v)", step, o.Kill, o.After)
	deploy = w.crash(o)
	st := w.holds("deploy killed at "+name, good, o.Head)
	require.Nil(w, st.Stop)

	_, err := w.web.Do(w.Context(), pipeline.Rollback{
		Asked: pipeline.Asked{By: "test", Reason: name}, From: st.Live.ID})
	require.NoError(w, err)
	rollback = w.crash(o)
	st = w.holds("rollback killed at "+name, o.Head, good)
	require.NotNil(w, st.Stop, "automation stays stopped")
	_, err = w.web.Do(w.Context(), pipeline.Resume{
		Asked: pipeline.Asked{By: "test"}, Stop: st.Stop.ID, From: revision(o.Head + 1)})
	require.NoError(w, err)
	return deploy, rollback
}
