//go:build integration

package ec2target_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/stretchr/testify/require"

	"github.com/muster-deploy/muster/build"
	"github.com/muster-deploy/muster/build/s3store/s3test"
	"github.com/muster-deploy/muster/pipeline"
	"github.com/muster-deploy/muster/target/ec2target/boot"
	"github.com/muster-deploy/muster/target/ec2target/ec2test"
	"github.com/muster-deploy/muster/target/ec2target/scaling"
)

// world is a cloud whose instances are directories of this machine. They boot by the real
// user data, which fetches, unpacks and starts a real app; requests come to those that
// are in service, and deployers steer it all by HTTP.
type world struct {
	*testing.T
	*ec2test.Cloud
	bucket  s3test.Bucket
	orders  orders
	pointer *boot.Pointer
	tools   string // is first in the PATH of instances

	mu       sync.Mutex
	launched []string                        // ids, in order
	slow     []chan struct{}                 // the next instance waits for it with the release half fetched
	stuck    map[string]chan struct{}        // instances that do so
	waiting  map[string]bool                 // those that have come there
	calls    map[string]int                  // so many, by name
	before   func(name string, n int)        // each call of a deployer: its name, and which of these it is
	after    func(name string, ids []string) // each call that was made, and the targets that it was about
	busy     map[string]*sync.RWMutex        // requests under way, by instance
}

func newWorld(t *testing.T) *world {
	w := &world{
		T: t, Cloud: ec2test.New(ec2test.Config{Drain: 50 * time.Millisecond, Settle: 50 * time.Millisecond}), tools: t.TempDir(),
		stuck: map[string]chan struct{}{}, waiting: map[string]bool{}, calls: map[string]int{}, busy: map[string]*sync.RWMutex{},
	}
	require.NoError(t, os.WriteFile(filepath.Join(w.tools, "sleep"), []byte("#!/bin/sh\nPATH=${PATH#*:}\nexec sleep 0.1\n"), 0o755))
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.orders = orders{Dir: t.TempDir(), URL: server.URL, ARN: w.AddTargetGroup("shop")}
	var err error
	w.pointer, err = w.orders.pointer()
	require.NoError(t, err)
	t.Cleanup(w.end)
	return w
}

// end stops all that runs.
func (w *world) end() {
	w.AddScalingGroup(ec2test.ScalingGroup{Name: "shop"}) // which starts none
	w.AddScalingGroup(ec2test.ScalingGroup{Name: canaries})
	for _, i := range w.Instances() {
		w.Terminate(i.ID)
	}
	w.Cloud.Wait()
	for _, id := range w.launched {
		killInside(w.home(id))
	}
}

// fleet starts the group of the fleet, and has one for canaries.
func (w *world) fleet(n int) {
	w.AddScalingGroup(ec2test.ScalingGroup{
		Name: "shop", Min: n, Launch: func() ec2test.Instance { return w.instance(nil) }, Hook: "up", TargetGroups: []string{w.orders.ARN},
	})
	w.AddScalingGroup(ec2test.ScalingGroup{
		Name: canaries, Max: 1, Launch: func() ec2test.Instance { return w.instance(map[string]string{"muster-boot": "candidate"}) },
	})
}

// requests are those under way to an instance: each holds it for reading.
func (w *world) requests(id string) *sync.RWMutex {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[id] == nil {
		w.busy[id] = &sync.RWMutex{}
	}
	return w.busy[id]
}

// ask asks the app of an instance, by a connection of its own, which release it is.
func (w *world) ask(id string) (digest string, err error) {
	address, err := os.ReadFile(filepath.Join(w.home(id), "app", "shared", "address"))
	if err != nil {
		return "", err
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get("http://" + string(address) + "/")
	if err != nil {
		return "", err
	}
	r.Body.Close()
	if digest = r.Header.Get("Muster-Artifact"); r.StatusCode != http.StatusOK || digest == "" {
		err = errors.New(r.Status)
	}
	return digest, err
}

// serving is what the instances that are in service answer.
func (w *world) serving() map[string]string {
	all := map[string]string{}
	for _, id := range w.Healthy(w.orders.ARN) {
		all[id], _ = w.ask(id)
	}
	return all
}

// all says whether so many instances are there, all of them have booted, and all of them
// serve that release.
func (w *world) all(digest string, n int) bool {
	if w.up() != n {
		return false
	}
	serving := w.serving()
	for _, d := range serving {
		if d != digest {
			return false
		}
	}
	return len(serving) == n && len(w.of("shop")) == n
}

// up counts the instances of the fleet whose user data has come to its end.
func (w *world) up() (n int) {
	members, err := (&scaling.Groups{Client: w.Cloud, Names: []string{"shop"}}).Members(context.Background())
	if err != nil {
		panic(err)
	}
	for _, i := range members {
		if !i.Booting {
			n++
		}
	}
	return n
}

// of lists the instances of a group.
func (w *world) of(group string) (ids []string) {
	for _, i := range w.Instances() {
		if i.Group == group {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// until waits for something to be so, in whatever goroutine.
func (w *world) until(what string, so func() bool) {
	for begin := time.Now(); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begin) > 2*time.Minute {
			w.Errorf("waited for two minutes: %s; in service %v", what, w.serving())
			panic("it is not so")
		}
	}
}

// desire sets the size of the fleet, and returns the instance that it starts.
func (w *world) desire(n int) (id string) {
	_, err := w.SetDesiredCapacity(context.Background(), &autoscaling.SetDesiredCapacityInput{AutoScalingGroupName: new("shop"), DesiredCapacity: new(int32(n))})
	if err != nil {
		panic(err)
	}
	return w.newest()
}

func (w *world) newest() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.launched[len(w.launched)-1]
}

// halt has the next instance wait with the release half fetched, until it is let go.
func (w *world) halt() (let func()) {
	c := make(chan struct{})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.slow = append(w.slow, c)
	return sync.OnceFunc(func() { close(c) })
}

// halted says whether it has come there.
func (w *world) halted(id string) bool { w.mu.Lock(); defer w.mu.Unlock(); return w.waiting[id] }

// at has f run in the midst of a deploy: right before the n-th time from now on that an
// instance is taken out of service.
func (w *world) at(n int, f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	from := w.calls["DeregisterTargets"]
	w.before = func(name string, now int) {
		if name == "DeregisterTargets" && now == from+n {
			f()
		}
	}
}

// then has f run after each call that a deployer has made, before he is answered.
func (w *world) then(f func(name string, ids []string)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.after = f
}

// settle has a deployer of this process do what there is to do.
func (w *world) settle() pipeline.Status {
	w.Helper()
	e, err := w.orders.engine()
	require.NoError(w, err)
	ctx, cancel := context.WithTimeout(w.Context(), 4*time.Minute)
	defer cancel()
	require.NoError(w, e.Settle(ctx))
	w.tell()
	return w.status()
}

func (w *world) shop() pipeline.Pipeline {
	store, logs, err := w.orders.stores()
	require.NoError(w, err)
	var files build.Store = logs
	return pipeline.Open(store, files, "shop")
}

func (w *world) status() pipeline.Status {
	s, err := w.shop().Status(w.Context())
	require.NoError(w, err)
	return s
}

// tell logs what became of the last deploy, for who reads why a test has failed.
func (w *world) tell() {
	for d, err := range w.shop().Deploys(w.Context(), "") {
		require.NoError(w, err)
		log, err := w.shop().Log(w.Context(), d.ID)
		require.NoError(w, err)
		text, err := io.ReadAll(log)
		require.NoError(w, err)
		log.Close()
		w.Logf("%s %s: %s\n%s", d.ID, d.End, d.Why, text)
		return
	}
}
