package command

import (
	"context"
	"errors"
	"flag"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/muster-deploy/muster/pipeline"
)

// runner keeps a pipeline at its rule until ctx ends.
type runner interface {
	Run(ctx context.Context) error
}

// settler acts until nothing is left to do.
type settler interface {
	Settle(ctx context.Context) error
}

// watched tells what it does.
type watched interface {
	Watch(ctx context.Context, size int) iter.Seq[pipeline.Event]
}

// eventQueue is how many events may wait for a slow terminal.
const eventQueue = 4096

var runCommand = &command{
	name: "run", brief: "be the deployer: ship what passes, until stopped",
	long: `Is the deployer: takes the lease, or waits for it, and ships what passes CI until it is
stopped. The first SIGINT or SIGTERM lets the batch under way end and hands the lease
over; the second one ends it at once. Without -pipeline it deploys all pipelines.`,
	setup: func(*flag.FlagSet) action { return run },
}

func run(ctx context.Context, c *call) error {
	all, err := c.all()
	if err != nil {
		return err
	}
	var runners []runner
	for _, p := range all {
		r, err := able[runner](p, "run")
		if err != nil {
			return err
		}
		runners = append(runners, r)
	}
	c.lasting.Store(true)
	return c.watching(ctx, all, func() error { return serve(ctx, runners) })
}

// serve runs all side by side; engines share what they can.
func serve(ctx context.Context, runners []runner) error {
	var engines []*pipeline.Engine
	g, one := errgroup.WithContext(ctx)
	for _, r := range runners {
		if e, ok := r.(*pipeline.Engine); ok {
			engines = append(engines, e)
			continue
		}
		g.Go(func() error { return r.Run(one) })
	}
	if len(engines) > 0 {
		g.Go(func() error { return pipeline.Serve(one, engines...) })
	}
	return g.Wait()
}

var settleCommand = &command{
	name: "settle", brief: "act from here until nothing is left to do: when no deployer runs",
	long: `Takes the lease, or waits for it, and acts until nothing is left to do: it finishes a
deploy or a rollback that a deployer left open, and ships what may be shipped. What is
left then is what only time, CI or a person can change.`,
	setup: func(*flag.FlagSet) action { return settle },
}

func settle(ctx context.Context, c *call) error {
	all, err := c.all()
	if err != nil {
		return err
	}
	for _, p := range all {
		if _, err := able[settler](p, "settle"); err != nil {
			return err
		}
	}
	c.lasting.Store(true)
	var failed error
	for _, p := range all {
		if err := c.settleOne(ctx, p); err != nil {
			failed = err
			if code(err) != Unfinished {
				return err
			}
		}
	}
	return failed
}

// settleOne settles one pipeline and says where it is then.
func (c *call) settleOne(ctx context.Context, p pipeline.Pipeline) error {
	before, err := readStatus(ctx, p)
	if err != nil {
		return err
	}
	w, err := c.watchFrom(ctx, p, before, before.Epoch > 0)
	if err != nil {
		return err
	}
	if g := before.Deployer; g != nil && !c.json {
		c.tell("%s: waiting for the lease of %s, which deploys since %s", p.Name(), g.Holder, c.when(g.Since))
	}
	err = c.watching(ctx, []pipeline.Pipeline{p}, func() error { return p.(settler).Settle(ctx) })
	if err != nil {
		return err
	}
	return w.settled(context.WithoutCancel(ctx), ctx.Err() != nil)
}

// settled says where the pipeline is, and whether all that was done ended well.
func (w *wait) settled(ctx context.Context, cut bool) error {
	s, err := readStatus(ctx, w.p)
	if err != nil {
		return err
	}
	if w.c.json {
		if err := writeJSON(w.c.Stdout, s); err != nil {
			return err
		}
	} else {
		w.c.status(s)
	}
	switch {
	case cut && s.Open != nil:
		return unfinished("%s: interrupted; %s is still open, and the next deployer goes on with it", s.Name, s.Open.ID)
	case cut:
		return unfinished("%s: interrupted before all was done", s.Name)
	case s.Open != nil:
		return unfinished("%s: %s is still open: %s", s.Name, s.Open.ID, s.Reason)
	}
	for d, err := range w.p.Deploys(ctx, "") {
		if err != nil || d.ID == w.lastID {
			return err
		}
		if d.End == pipeline.FailedEnd || d.End == pipeline.RollbackFailed || d.Kind == pipeline.KindDeploy && d.End == pipeline.RolledBack {
			return unfinished("%s: %s ended: %s", s.Name, d.ID, d.End)
		}
	}
	return nil
}

// watching does work while the events of pipelines are shown.
func (c *call) watching(ctx context.Context, pipelines []pipeline.Pipeline, work func() error) error {
	watch, cancel := context.WithCancel(context.WithoutCancel(ctx)) // the hand-over is shown too
	show := c.display(true)
	var watchers sync.WaitGroup
	for _, p := range pipelines {
		if p, ok := p.(watched); ok {
			events := p.Watch(watch, eventQueue) // from now on, before the work begins
			watchers.Go(func() {
				for e := range events {
					show.event(e)
				}
			})
		}
	}
	err := work()
	cancel()
	watchers.Wait()
	show.close()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // told to stop, and did
	}
	return err
}
