//go:build integration

package ec2target_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
)

// Instances boot by the real user data in the midst of a rollout, and of its rollback: one
// by the pointer of before, one that has read it and is overtaken by what is declared, one
// that dies while it boots, one that is terminated while it drains. Whatever they do, they
// end on what is declared, and no request is lost.
func TestRealInstancesBootInTheMidstOfARolloutAndItsRollback(t *testing.T) {
	w := newWorld(t)
	w.fleet(3)
	w.orders.Kinds = []string{well}
	first := w.settle().Live
	require.NotNil(t, first)
	w.until("the first release", func() bool { return w.all(first.Digest, 3) })
	clients := w.load()
	second := bootsInARollout(w, clients, first)
	bootsInARollback(w, clients, first, second)
	w.settle()
	clients.end()
	assert.True(t, w.all(first.Digest, 7), "nothing is left to do")
	assert.Empty(t, clients.failed)
	assert.Greater(t, clients.answered, 100)
	t.Logf("%d requests, %d failed; %d instances booted, 1 died in boot, 1 was terminated while it drained", clients.answered, len(clients.failed), len(w.launched))
}

// bootsInARollout deploys the second release to three instances, which are five then.
func bootsInARollout(w *world, clients *load, first *pipeline.Served) (second *pipeline.Served) {
	var early, overtaken, dead string
	letGo := func() {}
	w.at(2, func() {
		early = w.desire(4)
		w.until("an instance boots by the pointer of before", func() bool { return w.serving()[early] == first.Digest })
		dead = w.desire(5)
		w.until("another one has begun to", func() bool { return exists(w.home(dead), "app", ".muster") })
		letGo = w.halt()
		w.Terminate(dead)
		overtaken = w.newest()
		w.until("another one has read that pointer", func() bool { return w.halted(overtaken) })
	})
	w.orders.Kinds = append(w.orders.Kinds, well)
	s := w.settle()
	require.Nil(w, s.Stop, "a host that boots, or does not, is no failure: %+v", s.Stop)
	require.NotEqual(w, first.Digest, s.Live.Digest)
	require.NotEmpty(w, overtaken)
	assert.Equal(w, s.Live.Digest, w.serving()[early], "the declaration has brought it along")
	letGo()
	w.until("the second release", func() bool { return w.all(s.Live.Digest, 5) })
	w.until("all of them answer", func() bool { return len(clients.heardOf(overtaken)) > 0 && len(clients.heardOf(early)) > 1 })
	assert.Equal(w, []string{first.Digest, s.Live.Digest}, clients.heardOf(early))
	assert.Equal(w, []string{s.Live.Digest}, clients.heardOf(overtaken), "it has served nobody before it has read again")
	assert.Empty(w, clients.heardOf(dead))
	return s.Live
}

// bootsInARollback takes five instances back, which are seven then.
func bootsInARollback(w *world, clients *load, first, second *pipeline.Served) {
	letGo := w.halt()
	overtaken := w.desire(6)
	w.until("an instance has read that the second is declared", func() bool { return w.halted(overtaken) })
	var late, drained string
	w.at(2, func() {
		late = w.desire(7)
		w.until("an instance boots in the midst of the rollback", func() bool { return w.serving()[late] != "" })
	})
	w.then(func(name string, ids []string) {
		if name == "DeregisterTargets" && late != "" && drained == "" {
			drained = ids[0]
			w.Terminate(drained)
		}
	})
	_, err := w.shop().Do(w.Context(), pipeline.Rollback{Asked: pipeline.Asked{By: "ann", Reason: "errors"}, From: second.ID})
	require.NoError(w, err)
	s := w.settle()
	require.Equal(w, first.Digest, s.Live.Digest)
	letGo()
	w.until("the first release again", func() bool { return w.all(first.Digest, 7) })
	w.until("all of them answer", func() bool { return len(clients.heardOf(overtaken)) > 0 && len(clients.heardOf(late)) > 0 })
	assert.Equal(w, []string{first.Digest}, clients.heardOf(overtaken))
	assert.Equal(w, []string{first.Digest}, clients.heardOf(late))
	assert.NotEmpty(w, drained, "one was terminated while it drained")
}

func exists(path ...string) bool {
	_, err := os.Stat(filepath.Join(path...))
	return err == nil
}
