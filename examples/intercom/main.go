// Command intercom is the deployer of three apps in one process: a Rails app to a
// pre-production and a production fleet, a Java service to a fleet, an Ember app to a
// bucket. They share a store, and with it holds: one on "intercom/" stops all three.
// People see and steer them on a dashboard.
//
// On this machine, with Go and git and nothing else:
//
//	go run ./examples/intercom -local
//
// It prints an address to click through: local git repositories stand in for GitHub,
// small Go programs for the apps, processes for the hosts, and a bucket in memory for
// S3. Ctrl-C ends and removes all of it.
//
// In earnest, the environment says where things are (cloud.go lists it):
//
//	intercom serve                          the deployer, the dashboard and the webhooks
//	intercom -pipeline intercom/rails why 3f9a1c0
//	intercom hold -pipeline intercom/java -scope 'intercom/*' -reason "database is being moved"
//
// Where to read: deployer.go is what the two have in common, cloud.go and local.go say
// where things are, the rest is scenery.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/muster-deploy/muster/pipeline/command"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "-local" {
		exit(demonstrate(ctx, os.Args[2:]))
	}
	c, err := newCloud(ctx)
	if err != nil {
		exit(err)
	}
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		exit(c.serve(ctx))
	}
	stop() // the command line has signals of its own
	os.Exit(command.Main(c.pipelines()...))
}

// exit ends the process, with 1 after an error.
func exit(err error) {
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "intercom:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// demonstrate runs everything on this machine until ctx ends.
func demonstrate(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("intercom -local", flag.ContinueOnError)
	listen := flags.String("listen", "127.0.0.1:8700", "where the dashboard listens, on this machine; port 0 takes any that is free")
	every := flags.Duration("push", 0, "push a change to one of the apps this often (default: when you press the button)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	l, err := newLocal(ctx, *listen)
	if err != nil {
		return err
	}
	defer func() {
		fmt.Println("\nStopping all that was started, and removing it.")
		err = errors.Join(err, l.clear())
	}()
	fmt.Printf(welcome, l.url)
	if *every > 0 {
		go l.pushEvery(ctx, max(*every, time.Second))
	}
	return l.run(ctx)
}

const welcome = `Three apps, their hosts and a bucket are on this machine now. Open

    %s/

and push a change, hold it, let it go, push a broken one and see it come back. The
first deploys begin at once. Ctrl-C stops and removes everything.

`
