package s3target_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/s3target"
)

// only is a branch of one change, which has passed, and whose artifact is there.
type only struct{ artifact *build.Artifact }

const revision = "0123456789012345678901234567890123456789"

func (o only) Changes(context.Context, string) ([]pipeline.Change, error) {
	return []pipeline.Change{{Revision: revision}}, nil
}

func (o only) IsAncestor(context.Context, string, string) (bool, error) { return true, nil }

func (o only) Verdicts(context.Context, []string) (map[string]pipeline.Verdict, error) {
	return map[string]pipeline.Verdict{revision: pipeline.Passed}, nil
}

func (o only) Artifact(context.Context, string, io.Writer) (*build.Artifact, error) {
	return o.artifact, nil
}

func (o only) Open(_ context.Context, digest string) (*build.Artifact, error) {
	if digest != o.artifact.Digest {
		return nil, build.ErrNotFound
	}
	return o.artifact, nil
}

// Files and bytes of an upload are seen by who watches the pipeline, in order, a large
// file part by part.
func TestProgressReachesThePipelinesObservers(t *testing.T) {
	r := open(t, s3target.Config{})
	o := only{site(map[string]string{"index.html": "x", "robots.txt": "hello", "assets/film-12345678.mp4": strings.Repeat("x", 20<<20)})}
	engine, err := pipeline.New(pipeline.Config{
		Name: "site", Source: o, CI: o, Builds: o, Store: &lock.Memory{}, Logs: &build.MemoryStore{},
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{r.Target}}},
	})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeoutCause(t.Context(), time.Minute, errors.New("nothing was deployed"))
	defer cancel()
	events := engine.Watch(ctx, 0)
	settled := make(chan error, 1)
	go func() { settled <- engine.Settle(ctx) }()

	last, told := map[string]target.Progress{}, map[string]int{}
	for e := range events {
		if e.Kind == pipeline.EventEnded {
			break
		}
		if e.Kind != pipeline.EventProgress || e.Progress.Of == "" {
			continue
		}
		kind := e.Progress.Phase + " " + e.Progress.Of
		assert.Equal(t, "site", e.Pipeline)
		assert.Equal(t, "sites", e.Target)
		assert.Greater(t, e.Progress.Done, last[kind].Done, kind)
		last[kind], told[kind] = *e.Progress, told[kind]+1
	}
	require.NoError(t, <-settled)
	for kind, total := range map[string]int64{"upload bytes": 20<<20 + 6, "upload files": 3, "switch files": 2} {
		assert.Equal(t, total, last[kind].Total, kind)
		assert.Equal(t, total, last[kind].Done, kind)
	}
	assert.GreaterOrEqual(t, told["upload bytes"], 2+20/8, "the large file part by part")
}
