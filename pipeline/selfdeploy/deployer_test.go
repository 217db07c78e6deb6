package selfdeploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/buildtest"
	"github.com/muster-deploy/muster/internal/processtest"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/pipeline/selfdeploy"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/local"
)

// The deployer and the app that it deploys are this very test binary, told by its
// environment. A release of the deployer is a program that starts it, and a word for
// what is wrong with it.
const (
	roleVariable  = "MUSTER_SELF_ROLE"
	worldVariable = "MUSTER_SELF_WORLD"
	wordVariable  = "MUSTER_SELF_WORD" // set by the release's program for itself
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "app":
		os.Exit(app())
	case "deployer":
		os.Exit(deployer())
	}
	processtest.Main(m)
}

// app is what the deployer deploys beside itself.
func app() int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	s := &http.Server{Addr: "127.0.0.1:" + os.Getenv("PORT"), Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Muster-Artifact", os.Getenv("MUSTER_ARTIFACT"))
		})}
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.ListenAndServe(); err != http.ErrServerClosed {
		return 2
	}
	return 0
}

// world says where things are; it is a file that all processes read.
type world struct {
	Dir   string
	Ports []int // of the deployer's hosts
	Spare int   // the port of one more, where a test wants two
	App   int   // the app's port
	// Self judges, HostPatience is how long the hosts' scripts wait.
	Self         selfdeploy.Config
	HostPatience time.Duration
	Bake         time.Duration
}

func (w world) path(name string) string { return filepath.Join(w.Dir, name) }

// deployer is the main of a deployer's process, on a host and on a laptop.
func deployer() int {
	var w world
	text, err := os.ReadFile(os.Getenv(worldVariable))
	if err := errors.Join(err, json.Unmarshal(text, &w)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	code, err := w.main()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	return code
}

// leaseDuration is short, for some deployers are killed with their lease.
const leaseDuration = time.Second

func (w world) main() (int, error) {
	wrong := os.Getenv(wordVariable) // a laptop's has none
	if wrong == "dies" {
		return 0, errors.New("this release dies when it is started")
	}
	self, err := selfdeploy.New(w.Self)
	if err != nil {
		return 0, err
	}
	deployers, err := local.New(w.hosts(self.Command()))
	if err != nil {
		return 0, err
	}
	apps, err := local.New(w.apps())
	if err != nil {
		return 0, err
	}
	files, err := filelock.Open(w.path("store"))
	if err != nil {
		return 0, err
	}
	store := leases{files, wrong} // one, so that the pipelines share the lease
	own, err := w.engine("deployer", store, sick{deployers, wrong}, pipeline.Stage{
		Name: "hosts", Verify: []pipeline.Check{self.Check()}, Bake: w.Bake, Every: 50 * time.Millisecond})
	if err != nil {
		return 0, err
	}
	other, err := w.engine("app", store, apps, pipeline.Stage{Name: "production"})
	if err != nil {
		return 0, err
	}
	return self.Main(own, other), nil
}

func (w world) engine(name string, store leases, t target.Target, st pipeline.Stage) (*pipeline.Engine, error) {
	logs, err := build.OpenDirStore(w.path("logs"))
	if err != nil {
		return nil, err
	}
	st.Targets = []target.Target{t}
	return pipeline.New(pipeline.Config{
		Name: name, Source: branch{w, name, store.wrong}, CI: ci.Always(pipeline.Passed), Builds: workshop{w, name},
		Stages: []pipeline.Stage{st}, Store: store, Logs: logs, Lease: "pipelines/all/lease",
		LeaseDuration: leaseDuration, Poll: 100 * time.Millisecond, Handover: 100 * time.Millisecond,
	})
}

// hosts are those of the deployer.
func (w world) hosts(command []string) local.Config {
	c := local.Config{
		Name: "deployers", Dir: w.path("hosts"), Command: command, Self: true,
		Env:    []string{roleVariable + "=deployer", worldVariable + "=" + os.Getenv(worldVariable), "PATH=" + os.Getenv("PATH")},
		Probes: 1, Interval: 20 * time.Millisecond, Patience: w.HostPatience, Grace: 5 * time.Second,
		Fleet: fleet.Config{Probes: 1, Interval: 10 * time.Millisecond},
	}
	for i, port := range w.Ports {
		c.Hosts = append(c.Hosts, local.Host{Name: fmt.Sprintf("d%d", i+1), Port: port})
	}
	return c
}

// apps are the hosts of the app.
func (w world) apps() local.Config {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return local.Config{
		Name: "apps", Dir: w.path("apps"), Command: []string{self}, Hosts: []local.Host{{Name: "a1", Port: w.App}},
		Env:    []string{roleVariable + "=app", "PATH=" + os.Getenv("PATH")},
		Probes: 1, Interval: 20 * time.Millisecond, Grace: time.Second,
		Fleet: fleet.Config{Probes: 1, Interval: 10 * time.Millisecond},
	}
}

// artifact is that of the n-th change of a pipeline, which has a word for it.
func artifact(name string, n int, word string) *build.Artifact {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return buildtest.Artifact(map[string]string{
		"deployer*": "#!/bin/sh\n" + wordVariable + "='" + word + "' exec '" + self + "' \"$@\"\n", "n": name + fmt.Sprint(n)})
}

// sick is a target of a deployer in which something is wrong: it panics, or hangs,
// in the loop, when it is to raise the fence of its units.
type sick struct {
	target.Target
	wrong string
}

// Unwrap keeps the target's capabilities to be found.
func (s sick) Unwrap() target.Target { return s.Target }

// Observe implements target.Target.
func (s sick) Observe(ctx context.Context, o target.Order) (target.State, error) {
	if o.Number > 0 && s.wrong == "panics" {
		panic("this release panics in the loop")
	}
	if o.Number > 0 && s.wrong == "hangs" {
		select {}
	}
	return s.Target.Observe(ctx, o)
}

// leases is a store of a deployer that may be unable to renew a lease.
type leases struct {
	lock.Store
	wrong string
}

// Swap implements lock.Store.
func (l leases) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if l.wrong == "renews nothing" && strings.HasSuffix(key, "/lease") && !strings.Contains(string(data), `"renewed":0`) {
		return "", errors.New("this release cannot renew its lease")
	}
	return l.Store.Swap(ctx, key, old, data)
}

// branch is a source whose changes are the lines of a file, oldest first.
type branch struct {
	world
	name, wrong string
}

func revision(n int) string { return fmt.Sprintf("%040x", n) }

// words are those of the changes.
func (w world) words(name string) []string {
	text, err := os.ReadFile(w.path(name + ".branch"))
	if err != nil {
		return nil
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// Changes implements pipeline.Source.
func (b branch) Changes(_ context.Context, to string) ([]pipeline.Change, error) {
	if b.wrong == "plans nothing" {
		return nil, errors.New("this release does not find its repository")
	}
	var all []pipeline.Change
	words := b.words(b.name)
	for n := len(words); n > 0; n-- {
		all = append(all, pipeline.Change{Revision: revision(n), Subject: words[n-1]})
		if revision(n) == to {
			return all, nil
		}
	}
	if to != "" {
		return nil, pipeline.ErrNotOnBranch
	}
	return all, nil
}

// IsAncestor implements pipeline.Source.
func (b branch) IsAncestor(_ context.Context, ancestor, descendant string) (bool, error) {
	return ancestor <= descendant, nil // the names are numbers of equal length
}

// workshop has the artifacts of the changes.
type workshop struct {
	world
	name string
}

// Artifact implements pipeline.Builds.
func (s workshop) Artifact(_ context.Context, rev string, _ io.Writer) (*build.Artifact, error) {
	for i, word := range s.words(s.name) {
		if revision(i+1) == rev {
			return artifact(s.name, i+1, word), nil
		}
	}
	return nil, build.ErrNotFound
}

// Open implements pipeline.Builds.
func (s workshop) Open(_ context.Context, digest string) (*build.Artifact, error) {
	for i, word := range s.words(s.name) {
		if a := artifact(s.name, i+1, word); a.Digest == digest {
			return a, nil
		}
	}
	return nil, build.ErrNotFound
}
