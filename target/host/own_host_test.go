package host_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/host"
)

// A deployer that is ended by the restart which it has ordered leaves its script
// asking. Its successor raises the fence and gives the order again.
func TestOrderGivenAgainAfterTheRestartOnlyAsks(t *testing.T) {
	t.Parallel()
	j := newJourney(t, func(c *host.Config) { c.Patience = time.Minute })
	j.ship(artifact(1))
	require.NoError(t, j.prepare(artifact(2)))
	j.sicken(t, artifact(2))
	env, reached, resume := pause(t, "sleep") // the pause between two questions
	ended := make(chan error, 1)
	before, first := j.beside(env), j.order(artifact(2))
	go func() { ended <- before.Activate(t.Context(), first) }()
	reached()
	fence := j.order(artifact(2))
	fence.Release = target.Release{}
	_, err := j.h.Observe(t.Context(), fence)
	require.NoError(t, err)
	restarts := j.restarts(t)
	resume()
	require.ErrorIs(t, <-ended, target.ErrStale)

	require.NoError(t, os.Remove(j.root+".sick"))
	require.NoError(t, j.activate(artifact(2)))
	require.Equal(t, restarts, j.restarts(t), "what was restarted is restarted again")
	j.serves(artifact(2))
}

func TestOrderGivenAgainRestartsWhatDoesNotGetWell(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	j.ship(artifact(1))
	j.ship(artifact(2))
	journal := filepath.Join(j.root, ".muster", "journal")
	text, err := os.ReadFile(journal)
	require.NoError(t, err)
	text = []byte(strings.Replace(string(text), "done", "restarted", 1))
	require.NoError(t, os.WriteFile(journal, text, 0o644))
	j.sicken(t, artifact(2))
	restarts := len(j.restarts(t))
	require.Equal(t, host.Nothing, j.failure(j.activate(artifact(2))).Back, "there is nothing to put back")
	require.Greater(t, len(j.restarts(t)), restarts)
}

func TestScriptOutlivesTheDeployerThatItEnds(t *testing.T) {
	t.Parallel()
	needTools(t)
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	env, reached, resume := pause(t, "cat")
	e := host.Exec{Env: env, Outlive: true}
	ended := make(chan error, 1)
	var out strings.Builder
	go func() {
		ended <- e.Run(ctx, host.Call{Script: `cat /dev/null; echo done; echo done >"$1/new" && mv "$1/new" "$1/done"`, Args: []string{dir}, Stdout: &out})
	}()
	reached()
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	resume()
	require.Eventually(t, func() bool {
		_, err := os.Stat(filepath.Join(dir, "done"))
		return err == nil
	}, time.Minute, 5*time.Millisecond)
	require.Empty(t, out.String(), "nobody listens any more")
}

// A deployer on this host holds a lock of its supervisor's, and whatever it starts
// inherits that. A script that kept it would wait for the host's lock, which a restart
// has, while that restart waits for the supervisor's.
func TestScriptKeepsNoLockOfTheDeployerThatRunsIt(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	held := filepath.Join(t.TempDir(), "lock")
	shell := filepath.Join(t.TempDir(), "sh")
	flock, err := exec.LookPath("flock")
	require.NoError(t, err)
	text := fmt.Sprintf("#!/bin/sh\nexec 8>>'%s' 9>&8\n'%s' 8\nexec sh \"$@\"\n", held, flock)
	require.NoError(t, os.WriteFile(shell, []byte(text), 0o700))
	env, reached, resume := pause(t, "flock") // with which it waits for the host's lock
	j.transport.Env, j.transport.Shell = env, shell
	ended := make(chan error, 1)
	go func() { ended <- j.prepare(artifact(1)) }()
	reached()
	require.NoError(t, exec.Command(flock, "-n", held, "true").Run(), "the script holds it")
	resume()
	require.NoError(t, <-ended)
}
