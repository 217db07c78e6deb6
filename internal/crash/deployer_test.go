package crash

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/lock"
	"github.com/muster-deploy/muster/lock/filelock"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/pipeline/ci"
	"github.com/muster-deploy/muster/target"
	"github.com/muster-deploy/muster/target/fleet"
	"github.com/muster-deploy/muster/target/local"
)

// orders are what a deployer's process is told, as JSON on its standard input.
type orders struct {
	Dir   string
	Ports []int
	Admin string // of the balancer
	Head  int    // the branch has the changes 1 to Head
	Kill  int    // dies at this write of the record; 0: never
	After bool   // dies after the write, not before
}

// deployer is the main of a deployer's process: it settles the pipeline.
func deployer() int {
	var o orders
	if err := json.NewDecoder(os.Stdin).Decode(&o); err != nil {
		fmt.Println(err)
		return 2
	}
	engine, err := o.engine()
	if err != nil {
		fmt.Println(err)
		return 2
	}
	go func() {
		for event := range engine.Watch(context.Background(), 0) {
			fmt.Println(event.Kind, event.Message)
		}
	}()
	if err := engine.Settle(context.Background()); err != nil {
		fmt.Println(err)
		return 3
	}
	return 0
}

func (o orders) engine() (*pipeline.Engine, error) {
	store, err := o.store()
	if err != nil {
		return nil, err
	}
	logs, err := build.OpenDirStore(filepath.Join(o.Dir, "logs"))
	if err != nil {
		return nil, err
	}
	web, err := local.New(o.fleet())
	if err != nil {
		return nil, err
	}
	return pipeline.New(pipeline.Config{
		Name: "web", Source: branch(o.Head), CI: ci.Always(pipeline.Passed), Builds: workshop(o.Head),
		Stages: []pipeline.Stage{{Name: "production", Targets: []target.Target{web}}},
		Store:  store, Logs: logs, LeaseDuration: leaseDuration, Poll: 200 * time.Millisecond,
	})
}

// leaseDuration is short, for the next deployer waits for it after each crash.
const leaseDuration = 500 * time.Millisecond

func (o orders) fleet() local.Config {
	self, err := os.Executable()
	if err != nil {
		panic(err)
	}
	c := local.Config{
		Name: "fleet", Dir: filepath.Join(o.Dir, "hosts"), Command: []string{self},
		Env:    []string{roleVariable + "=app", birthsFile + "=" + filepath.Join(o.Dir, "births"), "PATH=" + os.Getenv("PATH")},
		Probes: 1, Interval: 20 * time.Millisecond, Grace: time.Second,
		Fleet: fleet.Config{
			Canary: 1, Probes: 1, Interval: 10 * time.Millisecond,
			Balancer: local.Remote{URL: o.Admin}, MinInService: fleet.Number(minimum),
		},
	}
	for i, port := range o.Ports {
		c.Hosts = append(c.Hosts, local.Host{Name: fmt.Sprintf("h%d", i+1), Port: port})
	}
	return c
}

// mortal is a store whose process dies at a write of the record. It keeps a list of
// what was written, for the test.
type mortal struct {
	lock.Store
	o      orders
	writes int // the engine writes its record from one goroutine at a time
}

func (o orders) store() (lock.Store, error) {
	store, err := filelock.Open(filepath.Join(o.Dir, "store"))
	return &mortal{Store: store, o: o}, err
}

// Swap implements lock.Store.
func (m *mortal) Swap(ctx context.Context, key string, old lock.Version, data []byte) (lock.Version, error) {
	if !strings.HasSuffix(key, "/record") {
		return m.Store.Swap(ctx, key, old, data)
	}
	m.writes++
	m.die(false)
	version, err := m.Store.Swap(ctx, key, old, data)
	if err == nil {
		var r pipeline.Record
		if err := json.Unmarshal(data, &r); err != nil {
			panic(err)
		}
		appendLine(filepath.Join(m.o.Dir, "written"), fmt.Sprint(r.Epoch, " ", r.Number))
	}
	m.die(true)
	return version, err
}

func (m *mortal) die(after bool) {
	if m.writes == m.o.Kill && m.o.After == after {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// branch is a source of so many changes; revision says their names.
type branch int

func revision(n int) string { return fmt.Sprintf("%040x", n) }

// Changes implements pipeline.Source.
func (b branch) Changes(_ context.Context, to string) ([]pipeline.Change, error) {
	var all []pipeline.Change
	for n := int(b); n > 0; n-- {
		all = append(all, pipeline.Change{Revision: revision(n), Subject: fmt.Sprint("change ", n)})
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

// workshop has the artifacts of so many changes.
type workshop int

// Artifact implements pipeline.Builds.
func (w workshop) Artifact(_ context.Context, rev string, _ io.Writer) (*build.Artifact, error) {
	for n := range int(w) {
		if revision(n+1) == rev {
			return artifact(n + 1), nil
		}
	}
	return nil, build.ErrNotFound
}

// Open implements pipeline.Builds.
func (w workshop) Open(_ context.Context, digest string) (*build.Artifact, error) {
	for n := range int(w) {
		if a := artifact(n + 1); a.Digest == digest {
			return a, nil
		}
	}
	return nil, build.ErrNotFound
}
