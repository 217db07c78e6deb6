package command_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/targettest"
)

// branch is a branch in memory, its newest change last.
type branch struct{ changes []pipeline.Change }

func (b *branch) push(revision, subject string) {
	b.changes = append(b.changes, pipeline.Change{Revision: revision, Author: "Ann", Subject: subject, Time: time.Now().Add(-10 * time.Minute)})
}

func (b *branch) index(revision string) int {
	return slices.IndexFunc(b.changes, func(c pipeline.Change) bool { return c.Revision == revision })
}

func (b *branch) Changes(_ context.Context, to string) ([]pipeline.Change, error) {
	i := b.index(to)
	if to != "" && i < 0 {
		return nil, pipeline.ErrNotOnBranch
	}
	list := slices.Clone(b.changes[max(i, 0):])
	slices.Reverse(list)
	return list, nil
}

func (b *branch) IsAncestor(_ context.Context, ancestor, descendant string) (bool, error) {
	return b.index(ancestor) <= b.index(descendant), nil
}

// TestAStoryOnARealPipeline goes through a day with the command line alone: deploy,
// hold, rollback, a second press of the button, resume.
func TestAStoryOnARealPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source, store, logs := &branch{}, &lock.Memory{}, &build.MemoryStore{}
		var verdicts ci.Manual
		builds := &buildtest.Builds{}
		for _, revision := range []string{good, next, fix} {
			builds.Set(revision, buildtest.Script{Files: map[string]string{"app": revision}})
		}
		web, err := pipeline.New(pipeline.Config{
			Name: "web", Source: source, CI: &verdicts, Builds: builds, Store: store, Logs: logs, Holder: "deploy-1",
			Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{targettest.NewMemory("fleet", "host-1", "host-2")}}},
		})
		require.NoError(t, err)
		outside := pipeline.Open(store, logs, "web") // a laptop without targets

		var story strings.Builder
		do := func(code int, p pipeline.Pipeline, line ...string) {
			t.Helper()
			time.Sleep(time.Minute)
			x := terminal{real: true, zone: time.UTC}
			o := x.run(t, line, p)
			story.WriteString("$ deployer " + strings.Join(line, " ") + "\n" + o.out + o.err + "\n")
			require.Equal(t, code, o.code, "%s\n%s%s", line, o.out, o.err)
		}
		push := func(revision, subject string) {
			source.push(revision, subject)
			verdicts.Set(revision, pipeline.Passed)
		}

		do(0, outside, "status")
		push(good, "Say hello")
		do(0, web, "settle")
		do(0, outside, "hold", "-reason", "db migration", "-until", "2h", "-by", "on-call")
		push(next, "Add the cart")
		do(0, web, "settle")
		do(0, web, "why", next[:7])
		s, err := web.Status(t.Context())
		require.NoError(t, err)
		do(0, outside, "unhold", s.Holds[0].ID)
		do(0, web, "plan")
		do(0, web, "settle")
		do(0, outside, "rollback", "-yes", "-reason", "checkout is broken")
		do(3, outside, "rollback", "-yes", "-reason", "checkout is broken")
		do(0, web, "settle")
		do(3, web, "deploy", next[:7], "-reason", "try again")
		push(fix, "Fix the cart")
		do(0, web, "settle")
		do(0, web, "resume", "-from", fix[:7])
		do(0, web, "settle")
		do(0, outside, "history")
		do(0, outside, "log")
		do(0, outside, "stats", "-days", "1")
		golden(t, "story", hideIDs(story.String(), s.Holds[0].ID))
	})
}

func hideIDs(s, id string) string { return strings.ReplaceAll(s, id, "k3v9qz7abc") }
