package pipeline

import (
	"context"
	"errors"
	"io"
	"iter"
)

var (
	// ErrNoPipeline says that nothing was ever recorded under a pipeline's name: no
	// deployer has run yet, or the name is misspelt.
	ErrNoPipeline = errors.New("pipeline: no such pipeline")

	// ErrNoDeploy says that a pipeline's history holds no deploy of that id.
	ErrNoDeploy = errors.New("pipeline: no such deploy")
)

// Pipeline is what people and tools do to a pipeline, in this process or not: an
// Engine, what Open returns, or a client of somebody's dashboard. Its methods may
// be called concurrently.
type Pipeline interface {
	// Name is the pipeline's name in its store.
	Name() string

	// Status says what is live, what is under way and why nothing else is: plain
	// data that survives JSON.
	Status(ctx context.Context) (Status, error)

	// Do records what a person asks for, in one swap, and returns when it is
	// recorded: the deployer obeys within a second. The id that it returns names
	// the request (for a PlaceHold: the hold). A request whose id is recorded
	// already is not applied again, so that a caller who lost the answer repeats
	// the call with the same id. A refusal is a *Refusal, and changed nothing.
	Do(ctx context.Context, r Request) (id string, err error)

	// Deploys yields the deploys that have ended, newest first; with before, only
	// those that are older than the deploy of that id.
	Deploys(ctx context.Context, before string) iter.Seq2[Deploy, error]

	// Log opens the log of a deploy: of one that is under way, what was written up
	// to its last step. ErrNoDeploy when there is none.
	Log(ctx context.Context, deploy string) (io.ReadCloser, error)
}
