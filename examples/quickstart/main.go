// Command quickstart shows what a pipeline does, with real parts: a git repository
// with a small web app, go vet as its CI, go build, three processes that stand for
// hosts, a balancer before them under constant load, and a deployer that is a process
// of its own, so that it can be killed. It needs Go and git and no network:
//
//	go run ./examples/quickstart
//
// It checks every claim that it prints, ends with a table, and exits with 1 if one
// of them does not hold. All that it starts is stopped, all that it writes is in a
// temporary directory and removed.
//
// Where to read: story.go is what happens, in order; pipeline.go is the deployer,
// some forty lines that you would write, too; the rest is scenery.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// patience is how long the whole story may take on a slow machine.
const patience = 5 * time.Minute

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	run := quickstart
	if len(os.Args) == 3 && os.Args[1] == deployerCommand {
		run = func(ctx context.Context) error { return deploy(ctx, os.Args[2]) }
	}
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "\nquickstart:", err)
		os.Exit(1)
	}
}

// quickstart sets the scene, tells the story and clears up.
func quickstart(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	s, err := setScene(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.clear()) }()
	if err := s.tell(ctx); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return err
	}
	return s.table(ctx)
}
