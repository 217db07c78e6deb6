package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target/local"
)

// scene is all that the story needs. What it started is stopped by clear.
type scene struct {
	place
	repository *repository
	front      string // where the balancer takes requests
	servers    []*http.Server
	hosts      *local.Local

	deployer *process          // the one that runs, or nil
	shop     pipeline.Pipeline // as its operators reach it
	traffic  *traffic          // nil until something is live
	ledger
}

// hosts are this many.
const hostCount = 3

func setScene(ctx context.Context) (s *scene, err error) {
	for _, tool := range []string{"go", "git"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("the quickstart needs %s: %w", tool, err)
		}
	}
	dir, err := os.MkdirTemp("", "muster-quickstart-")
	if err != nil {
		return nil, err
	}
	s = &scene{place: place{Dir: dir, Began: time.Now()}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.clear())
		}
	}()
	if s.Ports, err = freePorts(hostCount); err != nil {
		return nil, err
	}
	if s.repository, err = newRepository(ctx, s.path("shop")); err != nil {
		return nil, err
	}
	if err = s.raise(); err != nil {
		return nil, err
	}
	return s, s.operate()
}

// raise puts the balancer before the hosts. It lives here, as it lives in a machine
// of its own elsewhere: a deployer that dies takes no request with it.
func (s *scene) raise() (err error) {
	balancer := local.NewBalancer(s.web().Backends(), nil)
	if s.front, err = s.serve(balancer); err != nil {
		return err
	}
	if s.Admin, err = s.serve(balancer.Admin()); err != nil {
		return err
	}
	s.hosts, err = local.New(s.web())
	return err
}

func (s *scene) serve(h http.Handler) (url string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h}
	s.servers = append(s.servers, server)
	go server.Serve(l) // ends with Close
	return "http://" + l.Addr().String(), nil
}

// operate opens the pipeline as a command line or a bot does: by its store alone.
func (s *scene) operate() error {
	store, err1 := filelock.Open(s.path("records"))
	files, err2 := build.OpenDirStore(s.path("files"))
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.shop = pipeline.Open(store, files, pipelineName)
	return nil
}

// freePorts finds ports below those that a system gives to outgoing connections.
func freePorts(n int) ([]int, error) {
	var free []int
	for range 1000 {
		port := 20000 + rand.IntN(10000)
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			continue
		}
		defer l.Close()
		if free = append(free, port); len(free) == n {
			return free, nil
		}
	}
	return nil, errors.New("find free ports: none between 20000 and 30000")
}

// clear stops and removes everything.
func (s *scene) clear() error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if s.traffic != nil {
		s.traffic.stop()
	}
	if s.deployer != nil {
		errs = append(errs, s.deployer.stop())
	}
	if s.hosts != nil {
		errs = append(errs, s.hosts.Stop(ctx))
	}
	for _, server := range s.servers {
		errs = append(errs, server.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(s.Dir))...)
}
