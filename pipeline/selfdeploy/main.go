package selfdeploy

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/command"
)

// Main runs the command line of this process, as command.Main does, and returns its
// exit code. Self is the pipeline that deploys this deployer, others are what else it
// deploys. On a host, "run" answers the health check too, and "guard", which Command
// makes hosts start, stands by while a new deployer proves itself.
func (d *Deployer) Main(self *pipeline.Engine, others ...*pipeline.Engine) int {
	engines := append([]*pipeline.Engine{self}, others...)
	verb := ""
	if len(os.Args) > 1 {
		verb = os.Args[1]
	}
	switch {
	case verb == "guard":
		return d.guard(self, engines, os.Args[2:])
	case verb == "run" && d.c.Artifact != "":
		if err := d.begin(context.Background(), self, engines); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return command.Failed
		}
	}
	all := make([]pipeline.Pipeline, len(engines))
	for i, e := range engines {
		all[i] = e
	}
	return command.Main(all...)
}

// begin is what comes before a deployer on a host acts.
func (d *Deployer) begin(ctx context.Context, self *pipeline.Engine, engines []*pipeline.Engine) error {
	keepInherited()
	if d.c.Port != "" {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", d.c.Port))
		if err != nil {
			return fmt.Errorf("answer health checks: %w", err)
		}
		server := &http.Server{Handler: d, ReadHeaderTimeout: 10 * time.Second}
		go func() { d.c.Log.Error("answer health checks", "error", server.Serve(l)) }()
	}
	d.reportReturn(ctx, self)
	go d.look(ctx, engines)
	return nil
}

// reportReturn rolls back a release that was tried on this host and put back by it.
// Nobody has seen that: who ordered it was ended by it. Without this the order would
// be given again, for ever.
func (d *Deployer) reportReturn(ctx context.Context, self *pipeline.Engine) {
	tried := d.tried()
	if tried == "" {
		return
	}
	for failures := 0; ; failures++ {
		st, err := self.Recorded().Status(ctx)
		if err == nil && (open(st) == nil || open(st).ID != tried || open(st).To.Digest == d.c.Artifact) {
			return
		}
		if err == nil {
			err = d.undo(ctx, self, tried, "this host has put it back: the new deployer was not able to deploy")
		}
		if err == nil {
			return
		}
		d.c.Log.Error("roll back what was put back", "release", tried, "error", err)
		pause(ctx, min(time.Duration(failures+1)*time.Second, time.Minute))
	}
}

// open is the deploy under way, or nil.
func open(st pipeline.Status) *pipeline.Attempt {
	if st.Open == nil || st.Open.Kind != pipeline.KindDeploy {
		return nil
	}
	return st.Open
}
