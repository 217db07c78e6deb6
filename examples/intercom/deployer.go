package main

import (
	"context"
	"errors"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/pipeline"
)

// app is one of the three: where its changes come from, who judges them, how they are
// built and where they go.
type app struct {
	name   string // "intercom/rails"
	source pipeline.Source
	ci     pipeline.CI
	builds pipeline.Builds
	stages []pipeline.Stage
}

// deployer is the engines of all apps over one store. Its pipelines share a lease:
// another process of it waits, and takes over all three.
type deployer struct {
	store   lock.Store
	files   build.Store
	engines []*pipeline.Engine
}

// settings are what differs between this machine and the cloud.
type settings struct{ lease, poll time.Duration }

func newDeployer(store lock.Store, files build.Store, apps []app, s settings) (*deployer, error) {
	d := &deployer{store: store, files: files}
	var errs []error
	for _, a := range apps {
		e, err := pipeline.New(pipeline.Config{
			Name: a.name, Source: a.source, CI: a.ci, Builds: a.builds, Stages: a.stages,
			Store: store, Logs: files, Lease: "leases/intercom", LeaseDuration: s.lease, Poll: s.poll,
		})
		errs = append(errs, err)
		d.engines = append(d.engines, e)
	}
	return d, errors.Join(errs...)
}

// pipelines are the engines, for the dashboard and the command line.
func (d *deployer) pipelines() []pipeline.Pipeline {
	var all []pipeline.Pipeline
	for _, e := range d.engines {
		all = append(all, e)
	}
	return all
}

// run deploys and serves until ctx ends or one of the two cannot go on. The batch under
// way ends and the lease is handed over; people can look on meanwhile.
func (d *deployer) run(ctx context.Context, server *http.Server, serve func() error) error {
	g, one := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	g.Go(func() error {
		err := pipeline.Serve(one, d.engines...)
		ended, cancel := context.WithTimeout(context.WithoutCancel(one), 5*time.Second)
		defer cancel()
		if server.Shutdown(ended) != nil {
			_ = server.Close() // whoever still reads is cut off
		}
		return err
	})
	return g.Wait()
}
