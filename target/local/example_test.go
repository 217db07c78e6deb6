//go:build linux

package local_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/local"
)

// Two copies of an app, and a balancer before them that the rollout drains. The
// balancer is an http.Handler: serve it where requests come in.
func Example() {
	dir, err := os.MkdirTemp("", "muster-example-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	balancer, web, err := fleetOfTwo(dir)
	if err != nil {
		log.Fatal(err)
	}
	defer web.Stop(context.Background())

	release := artifact(1, "ok")
	if err := ship(context.Background(), web, 1, release); err != nil {
		log.Fatal(err)
	}
	state, err := web.Observe(context.Background(), target.Order{})
	if err != nil {
		log.Fatal(err)
	}
	for _, u := range state.Units {
		fmt.Println(u.Name, u.Condition, u.Digest == release.Digest)
	}
	fmt.Println("behind the balancer:", balancer.Registered())
	// Output:
	// a serving true
	// b serving true
	// behind the balancer: [a b]
}

// ship does what a pipeline does with a target: each call has a number of its own.
func ship(ctx context.Context, t target.Target, number uint64, a *build.Artifact) error {
	o := target.Order{Number: number, Intent: target.Forward, Release: target.Release{ID: "1-3f9a1c0", Digest: a.Digest}}
	if err := t.Prepare(ctx, o, a); err != nil {
		return err
	}
	o.Number++
	return t.Activate(ctx, o)
}

func fleetOfTwo(dir string) (*local.Balancer, *local.Local, error) {
	c := local.Config{
		Name:       "web",
		Dir:        dir,
		Hosts:      []local.Host{{Name: "a", Port: freePort()}, {Name: "b", Port: freePort()}},
		Command:    []string{os.Args[0]}, // "./shop" in real life
		HealthPath: "/health",
		Env:        []string{appMode + "=1", "PATH=" + os.Getenv("PATH")},
	}
	balancer := local.NewBalancer(c.Backends(), nil)
	c.Fleet.Balancer = balancer
	web, err := local.New(c)
	return balancer, web, err
}
