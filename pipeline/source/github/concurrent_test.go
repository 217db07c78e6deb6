package github_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/source/github/githubtest"
)

func TestManyMayAskAtOnceWhileWebhooksCome(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	hooks, _ := hooked(t, h)
	first := h.green(h.commit("a"))
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			for range 20 {
				changes, err := h.branch.Changes(context.Background(), first)
				if err != nil || changes[len(changes)-1].Revision != first {
					t.Errorf("%v %v", changes, err)
				}
				var revisions []string
				for _, c := range changes {
					revisions = append(revisions, c.Revision)
				}
				if _, err := h.branch.Verdicts(context.Background(), revisions); err != nil {
					t.Error(err)
				}
				deliver(hooks, h.last())
			}
		})
	}
	wait.Go(func() {
		for range 20 {
			h.green(h.Commit("main", githubtest.Commit{}))
		}
	})
	wait.Wait()
	for range 10 {
		deliver(hooks, h.last())
	}
	require.Equal(t, pipeline.Passed, h.verdict(t, h.Head("main")))
}
