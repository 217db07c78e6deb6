package host_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/target"
)

func TestCommandRunsInsideAPreparedRelease(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	one := target.Release{ID: "1", Digest: artifact(1).Digest}
	require.ErrorIs(t, j.h.Command(t.Context(), one, nil, "true"), target.ErrUnprepared)
	require.NoError(t, j.prepare(artifact(1)))
	var log strings.Builder
	require.NoError(t, j.h.Command(t.Context(), one, &log, "sh", "-c", `cat ./app; echo "$1"; echo "$MUSTER_ARTIFACT" >&2`, "sh", "it's $x;"))
	require.Equal(t, "#!/bin/sh\necho 1\nit's $x;\n"+one.Digest+"\n", log.String())
	require.Equal(t, target.Vacant, j.unit().Condition, "nothing is live yet")
}

func TestCommandThatFailsIsTold(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	require.NoError(t, j.prepare(artifact(1)))
	one := target.Release{ID: "1", Digest: artifact(1).Digest}
	f := j.failure(j.h.Command(t.Context(), one, nil, "sh", "-c", "echo 'no such table' >&2; exit 3"))
	require.Equal(t, "command", f.Phase)
	require.Contains(t, f.Output, "no such table")
	require.Contains(t, f.Output, "ended with 3")
	require.Error(t, j.h.Command(t.Context(), one, nil))
	require.Error(t, j.h.Command(t.Context(), target.Release{Digest: "sha256:$(reboot)"}, nil, "true"))
}

func TestCommandThatLeavesSomethingRunningHasFailed(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	require.NoError(t, j.prepare(artifact(1)))
	one := target.Release{ID: "1", Digest: artifact(1).Digest}
	f := j.failure(j.h.Command(t.Context(), one, nil, "sh", "-c", "setsid sleep 20 & echo begun"))
	require.Contains(t, f.Output, "left processes running")
	require.Contains(t, f.Output, "begun")
}

func TestCommandThatHangsIsEndedOnTheHost(t *testing.T) {
	t.Parallel()
	j := newJourney(t, nil)
	require.NoError(t, j.prepare(artifact(1)))
	one := target.Release{ID: "1", Digest: artifact(1).Digest}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Error(t, j.h.Command(ctx, one, nil, "sleep", "300"))
	require.ErrorIs(t, j.h.Command(ctx, one, nil, "true"), context.DeadlineExceeded)
}
