//go:build integration

package ec2target_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/ec2target"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/canary"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/elb"
	"github.com/muster-deploy/muster/target/ec2target/runcommand"
	"github.com/muster-deploy/muster/target/ec2target/s3depot"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/host"
	"github.com/muster-deploy/muster/target/host/recipe"
)

func init() { roles["deployer"] = deployer }

// orders are what a deployer is told, as JSON on its standard input if it is a process of
// its own.
type orders struct {
	Dir   string        // of the record and the logs
	URL   string        // of the cloud
	ARN   string        // of the target group
	Kinds []string      // of the changes, the oldest first
	Cold  time.Duration // how long the canary may take; 0: there is none
}

// deployer settles the pipeline.
func deployer() int {
	var o orders
	err := json.NewDecoder(os.Stdin).Decode(&o)
	var e *pipeline.Engine
	if err == nil {
		e, err = o.engine()
	}
	if err == nil {
		err = e.Settle(context.Background())
	}
	if err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

// stores are where all deployers keep what they have to know.
func (o orders) stores() (*filelock.Store, *build.DirStore, error) {
	store, err := filelock.Open(filepath.Join(o.Dir, "store"))
	if err != nil {
		return nil, nil, err
	}
	logs, err := build.OpenDirStore(filepath.Join(o.Dir, "logs"))
	return store, logs, err
}

// branch has the changes, built: a workshop would have kept what was shipped before.
func (o orders) branch() *branch {
	b := &branch{}
	for i, kind := range o.Kinds {
		b.commit(i + 1)
		b.Set(b.revisions[i], buildtest.Script{Files: map[string]string{"kind": kind, "n": fmt.Sprint(i + 1)}})
		if _, err := b.Artifact(context.Background(), b.revisions[i], io.Discard); err != nil {
			panic(err)
		}
	}
	return b
}

// instanceHost is what all instances have in common.
func instanceHost() host.Config {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return host.Config{
		Root:    ec2test.Root,
		Restart: recipe.Process{Command: []string{self}, Env: []string{roleVariable + "=app"}}.Words(),
		Check: []string{"sh", "-c", `curl -fsS --noproxy '*' -o /dev/null -D - "http://$(cat ../../shared/address || echo 127.0.0.1:1)/" |` +
			` grep -qi "^Muster-Artifact: $MUSTER_ARTIFACT" || { tail -n 1 ../../shared/process/log >&2; exit 1; }`},
		Probes: 1, Interval: 50 * time.Millisecond, Patience: 15 * time.Second,
	}
}

func (o orders) pointer() (*boot.Pointer, error) {
	return boot.New(boot.Config{Client: wire{o.URL}, Bucket: "deploys", Prefix: "boot/shop/", Host: instanceHost()})
}

func (o orders) engine() (*pipeline.Engine, error) {
	store, logs, err := o.stores()
	if err != nil {
		return nil, err
	}
	web, cold, err := o.fleet()
	if err != nil {
		return nil, err
	}
	stage := pipeline.Stage{Name: "production", Targets: []target.Target{web}, Every: 200 * time.Millisecond}
	if o.Cold > 0 {
		stage.Verify = []pipeline.Check{{Name: "cold boot", Run: func(ctx context.Context, s pipeline.Subject) (pipeline.Outcome, string) {
			verdict, why := cold.Look(ctx, s.Release)
			return pipeline.Outcome(verdict), why
		}}}
	}
	b := o.branch()
	return pipeline.New(pipeline.Config{
		Name: "shop", Source: b, CI: b, Builds: b, Store: store, Logs: logs,
		Stages: []pipeline.Stage{stage}, LeaseDuration: 3 * time.Second, Poll: 200 * time.Millisecond,
	})
}

// fleet is the group, and the canary beside it.
func (o orders) fleet() (*ec2target.Target, *canary.Canary, error) {
	w, ms := wire{o.URL}, time.Millisecond
	pointer, err := o.pointer()
	if err != nil {
		return nil, nil, err
	}
	depot, err := s3depot.New(s3depot.Config{Client: w, Presigner: w, Bucket: "deploys", Prefix: "packs/"})
	if err != nil {
		return nil, nil, err
	}
	sender, err := runcommand.New(runcommand.Config{Client: w, First: 20 * ms, Poll: 50 * ms, Gather: 10 * ms})
	if err != nil {
		return nil, nil, err
	}
	before, err := elb.New(elb.Config{Client: w, Groups: []string{o.ARN}, Interval: 20 * ms, Gather: ms})
	if err != nil {
		return nil, nil, err
	}
	reach := func(i ec2target.Instance) host.Transport { return sender.Instance(i.ID) }
	hosts := instanceHost()
	hosts.Packs = &host.Packs{Depot: depot}
	web, err := ec2target.New(ec2target.Config{
		Name: "web", Members: &scaling.Groups{Client: w, Names: []string{"shop"}}, Balancer: before, Boot: pointer, Host: hosts, Reach: reach,
		Fleet: fleet.Config{Canary: -1, Batch: fleet.Number(1), MinInService: fleet.Number(2), Interval: ms},
	})
	if err != nil {
		return nil, nil, err
	}
	cold, err := canary.New(canary.Config{
		Client: w, Group: canaries, Pointer: pointer, Host: instanceHost(), Reach: reach, Patience: max(o.Cold, time.Second),
	})
	return web, cold, err
}

// canaries is the name of the canary's group.
const canaries = "shop canary"
