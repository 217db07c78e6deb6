package pipelinetest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/pipelinetest"
)

// A chat bot is tested without a deployer.
func Example() {
	ctx := context.Background()
	p := pipelinetest.NewFake("payments/web")
	p.SetLive("41-aaaaaaa", "aaaaaaa")
	p.SetLive("42-3f9a1c0", "3f9a1c0")

	// The code under test: it rolls back whatever is live.
	status, _ := p.Status(ctx)
	_, err := p.Do(ctx, pipeline.Rollback{
		Asked: pipeline.Asked{By: "ann", Reason: "checkout is broken"}, From: status.Live.ID,
	})

	fmt.Println(err)
	for _, r := range p.Requests() {
		fmt.Printf("%T of %s\n", r, r.(pipeline.Rollback).From)
	}
	// Output:
	// <nil>
	// pipeline.Rollback of 42-3f9a1c0
}

func TestFake_AppliesARequestOnceAndRefusesAsItIsTold(t *testing.T) {
	ctx := context.Background()
	p := pipelinetest.NewFake("payments/web")
	hold := pipeline.PlaceHold{Asked: pipeline.Asked{By: "ann", Reason: "migration"}}

	id, err := p.Do(ctx, hold)
	require.NoError(t, err)
	require.Equal(t, "request-1", id)
	hold.ID = id
	_, err = p.Do(ctx, hold)
	require.NoError(t, err)
	require.Equal(t, []pipeline.Request{hold}, p.Requests(), "the same id is applied once")

	no := &pipeline.Refusal{Code: pipeline.Outdated, Reason: "too late"}
	p.Refuse(no)
	_, err = p.Do(ctx, pipeline.LiftHold{Hold: id})
	require.ErrorIs(t, err, no)
	require.Len(t, p.Requests(), 1, "what was refused was not applied")
	id, err = p.Do(ctx, pipeline.LiftHold{Hold: id})
	require.NoError(t, err)
	require.Equal(t, "request-2", id)
}

func TestFake_TellsTheHistoryNewestFirstAndItsLogs(t *testing.T) {
	ctx := context.Background()
	p := pipelinetest.NewFake("payments/web")
	for _, id := range []string{"1-a", "2-b", "3-c"} {
		p.End(pipeline.Deploy{ID: id, End: pipeline.Live}, "log of "+id)
	}
	ids := func(before string) (all []string) {
		for d, err := range p.Deploys(ctx, before) {
			require.NoError(t, err)
			all = append(all, d.ID)
		}
		return all
	}
	require.Equal(t, []string{"3-c", "2-b", "1-a"}, ids(""))
	require.Equal(t, []string{"1-a"}, ids("2-b"))

	log, err := p.Log(ctx, "2-b")
	require.NoError(t, err)
	text, err := io.ReadAll(log)
	require.NoError(t, err)
	require.Equal(t, "log of 2-b", string(text))
	_, err = p.Log(ctx, "4-d")
	require.ErrorIs(t, err, pipeline.ErrNoDeploy)
}

func TestFake_FailsEverywhereWhenTheStoreDoesNotAnswer(t *testing.T) {
	ctx := context.Background()
	p := pipelinetest.NewFake("payments/web")
	down := errors.New("no answer")
	p.Fail(down)
	_, err := p.Status(ctx)
	require.ErrorIs(t, err, down)
	_, err = p.Do(ctx, pipeline.Abort{Deploy: "1-a"})
	require.ErrorIs(t, err, down)
	for _, err := range p.Deploys(ctx, "") {
		require.ErrorIs(t, err, down)
	}
	require.Empty(t, p.Requests())
}
