package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/command"
	"github.com/muster-deploy/muster/build/mirror"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/source/git"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/local"
)

const (
	pipelineName = "shop"
	stageName    = "production"
	targetName   = "web"
)

// place says where things are. The deployer's process gets it as JSON.
type place struct {
	Dir   string    `json:"dir"`
	Admin string    `json:"admin"` // where the balancer is steered
	Ports []int     `json:"ports"`
	Began time.Time `json:"began"` // of the story
}

func (p place) path(name string) string { return filepath.Join(p.Dir, name) }

// offline keeps the go command from the network and from the settings of whoever
// runs this.
var offline = map[string]string{"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-buildvcs=false", "GOWORK": "off"}

// engine is the deployer. Close the judge when it has ended.
func (p place) engine(ctx context.Context) (*pipeline.Engine, *ci.Command, error) {
	app, err := mirror.Open(ctx, mirror.Config{URL: p.path("shop"), Dir: p.path("shop.git")})
	if err != nil {
		return nil, nil, err
	}
	goTool := &build.Local{Allow: []string{"GOCACHE", "GOPATH", "GOROOT", "XDG_CACHE_HOME"}, Env: offline}
	files, err1 := build.OpenDirStore(p.path("files"))
	store, err2 := filelock.Open(p.path("records"))
	web, err3 := local.New(p.web())
	checks, err4 := ci.New(ci.Config{
		Trees: app, Runner: goTool, Store: files,
		Command: build.Command{Name: "go", Args: []string{"vet", "./..."}},
	})
	// A deployer of your own adds -trimpath, so that equal sources make equal files. Here
	// it would only have the standard library compiled anew.
	compile, err5 := command.New(command.Config{
		Run:    []build.Command{{Name: "go", Args: []string{"build", "-ldflags=-s -w", "-o", "out/shop", "."}}},
		Output: "out",
	})
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, nil, err
	}
	workshop, err := build.NewWorkshop(build.WorkshopConfig{
		Dir: p.path("workshop"), Source: app, Builder: compile, Runner: goTool, Identity: "go 1",
	})
	if err != nil {
		return nil, nil, err
	}
	engine, err := pipeline.New(pipeline.Config{
		Name: pipelineName, Source: git.New(app, "main"), CI: checks, Builds: workshop,
		Stages: []pipeline.Stage{{Name: stageName, Targets: []target.Target{web}}},
		Store:  store, Logs: files,
		LeaseDuration: 3 * time.Second, Poll: 500 * time.Millisecond,
	})
	if err != nil {
		return nil, nil, err
	}
	return engine, checks, nil
}

// web is the fleet: one host first, then the others one by one, and none may fail.
func (p place) web() local.Config {
	c := local.Config{
		Name: targetName, Dir: p.path("hosts"), Command: []string{"./shop"},
		Probes: 1, Interval: 50 * time.Millisecond,
		Fleet: fleet.Config{
			Canary: 1, Batch: fleet.Number(1), MinInService: fleet.Number(2),
			Balancer: local.Remote{URL: p.Admin},
			Check:    p.healthy, Probes: 2, Interval: 100 * time.Millisecond, ConfirmLimit: 2 * time.Second,
		},
	}
	for i, port := range p.Ports {
		c.Hosts = append(c.Hosts, local.Host{Name: fmt.Sprintf("web-%d", i+1), Port: port})
	}
	return c
}

// healthy asks a host that was switched, before it gets requests again, whether it
// can do what it is there for.
func (p place) healthy(ctx context.Context, h fleet.Host, digest string) error {
	for _, host := range p.web().Hosts {
		if host.Name != h.Name {
			continue
		}
		answer, err := ask(ctx, http.DefaultClient, fmt.Sprintf("http://127.0.0.1:%d/health", host.Port))
		if err == nil && answer.digest != digest {
			err = fmt.Errorf("it runs %q", answer.digest)
		}
		return err
	}
	return fmt.Errorf("there is no host %q", h.Name)
}
