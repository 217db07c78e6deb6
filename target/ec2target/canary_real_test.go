//go:build integration

package ec2target_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
)

// first has three instances on a first release, which no canary has tried.
func (w *world) first() *pipeline.Served {
	w.Helper()
	w.fleet(3)
	w.orders.Kinds = []string{well}
	first := w.settle().Live
	require.NotNil(w, first)
	w.until("the first release", func() bool { return w.all(first.Digest, 3) })
	return first
}

// atRest says that the canary's group is as it was before, and the fleet's, too.
func (w *world) atRest() {
	w.Helper()
	out, err := w.DescribeAutoScalingGroups(w.Context(), &autoscaling.DescribeAutoScalingGroupsInput{})
	require.NoError(w, err)
	for _, g := range out.AutoScalingGroups {
		want := map[string]int32{"shop": 3, canaries: 0}[*g.AutoScalingGroupName]
		assert.Equal(w, want, *g.DesiredCapacity, *g.AutoScalingGroupName)
		assert.Len(w, g.Instances, int(want), *g.AutoScalingGroupName)
		assert.Empty(w, g.SuspendedProcesses)
	}
}

// A release goes live when a fresh instance has come up on it, by the real user data; one
// on which none does is taken back. The canary is gone then, either way.
func TestRealReleaseIsLiveOnceAFreshInstanceHasComeUpOnIt(t *testing.T) {
	w := newWorld(t)
	first := w.first()
	w.orders.Cold = 3 * time.Minute
	w.orders.Kinds = append(w.orders.Kinds, well)
	var canary, cameUp string
	var open *pipeline.Attempt
	w.then(func(name string, _ []string) {
		switch {
		case name == "SetDesiredCapacity" && canary == "":
			canary = w.newest()
		case name == "DescribeAutoScalingGroups" && canary != "" && cameUp == "":
			cameUp, _ = w.ask(canary)
			open = w.status().Open
		}
	})
	second := w.settle().Live
	w.then(nil)
	require.NotEqual(t, first.Digest, second.Digest)
	assert.Equal(t, second.Digest, cameUp)
	require.NotNil(t, open, "the deploy is not done before")
	assert.Equal(t, second.ID, open.To.ID)
	w.until("the second release", func() bool { return w.all(second.Digest, 3) })
	w.atRest()
	assert.Len(t, w.launched, 4)

	w.orders.Cold = 15 * time.Second
	w.orders.Kinds = append(w.orders.Kinds, coldSick)
	s := w.settle()
	require.NotNil(t, s.Stop, "what runs already comes up on it; what is fresh does not")
	assert.Contains(t, s.Stop.Reason, "no fresh instance has come up on 3-0000003 within 15s")
	t.Log(s.Stop.Reason)
	assert.Equal(t, second.Digest, s.Live.Digest)
	w.until("the second release again", func() bool { return w.all(second.Digest, 3) })
	w.atRest()
	d, err := w.pointer.Read(t.Context())
	require.NoError(t, err)
	assert.Equal(t, second.Digest, d.Digest, "nobody else boots into it")
	said, err := os.ReadFile(w.home(w.newest()) + "/user-data.log")
	require.NoError(t, err)
	assert.Contains(t, string(said), "the app says: no such table")
}

// A deployer that is killed leaves a canary behind. The next one goes on with it, or Auto
// Scaling ends it by itself.
func TestRealDeployerIsKilledWhileItsCanaryBoots(t *testing.T) {
	w := newWorld(t)
	first := w.first()
	w.orders.Cold = 3 * time.Minute
	w.orders.Kinds = append(w.orders.Kinds, well)
	w.killed("SetDesiredCapacity")
	require.Len(t, w.of(canaries), 1)
	assert.Equal(t, first.Digest, w.status().Live.Digest)
	second := w.settle().Live
	assert.NotEqual(t, first.Digest, second.Digest)
	assert.Len(t, w.launched, 4, "it goes on with the same instance")
	w.until("the second release", func() bool { return w.all(second.Digest, 3) })
	w.atRest()

	w.orders.Cold = 5 * time.Second // twice that is when Auto Scaling ends it
	w.orders.Kinds = append(w.orders.Kinds, well)
	w.killed("SetDesiredCapacity")
	require.Len(t, w.of(canaries), 1)
	w.until("nobody comes, and the canary is gone", func() bool { return len(w.of(canaries)) == 0 })
	w.atRest()
	w.orders.Cold = 3 * time.Minute
	third := w.settle().Live
	assert.Equal(t, "3-0000003", third.ID)
	w.until("the third release", func() bool { return w.all(third.Digest, 3) })
	w.atRest()
	assert.Len(t, w.launched, 6)
}

// killed has a deployer of a process of its own work until it has made its next call of
// that name, and kills it right there.
func (w *world) killed(at string) {
	w.Helper()
	self, err := os.Executable()
	require.NoError(w, err)
	told, err := json.Marshal(w.orders)
	require.NoError(w, err)
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"=deployer")
	var said strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(string(told)), &said, &said
	var once sync.Once
	w.then(func(name string, _ []string) {
		if name == at {
			once.Do(func() { _ = cmd.Process.Kill() })
		}
	})
	defer w.then(nil)
	err = cmd.Run()
	require.Error(w, err, said.String())
	require.NoError(w, ctx.Err(), "it never came there: %s", said.String())
}
