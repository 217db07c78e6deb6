package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/dashboard"
	"github.com/muster-deploy/muster/target/local"
)

// onThisMachine is everything on this machine. What it started is stopped by clear.
type onThisMachine struct {
	*deployer
	dir          string
	url          string
	listener     net.Listener
	server       *http.Server
	board        *dashboard.Dashboard
	repositories []*repository
	fleets       []*local.Local
	checks       []*ci.Command
	sites        map[string]http.Handler // where each app can be seen, by its place
}

func newLocal(ctx context.Context, listen string) (l *onThisMachine, err error) {
	for _, tool := range []string{"go", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("this needs %s: %w", tool, err)
		}
	}
	dir, err := os.MkdirTemp("", "muster-intercom-")
	if err != nil {
		return nil, err
	}
	l = &onThisMachine{dir: dir, sites: map[string]http.Handler{}}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.clear())
		}
	}()
	store, err1 := filelock.Open(l.path("records"))
	files, err2 := build.OpenDirStore(l.path("files"))
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	apps, err := l.apps(ctx, files)
	if err != nil {
		return nil, err
	}
	l.deployer, err = newDeployer(store, files, apps, settings{lease: 3 * time.Second, poll: 2 * time.Second})
	if err != nil {
		return nil, err
	}
	for i, e := range l.engines {
		l.repositories[i].pushed = e.Wake // a webhook does that elsewhere
	}
	return l, l.listen(listen)
}

func (l *onThisMachine) path(name string) string { return filepath.Join(l.dir, name) }

// run deploys and serves until ctx ends.
func (l *onThisMachine) run(ctx context.Context) error {
	return l.deployer.run(ctx, l.server, func() error { return l.server.Serve(l.listener) })
}

// clear stops and removes everything.
func (l *onThisMachine) clear() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if l.board != nil {
		l.board.Close()
	}
	for _, c := range l.checks {
		errs = append(errs, c.Close())
	}
	for _, f := range l.fleets {
		errs = append(errs, f.Stop(ctx))
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}
